"""A channel that takes its time, and one whose anchor does not live long."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from rest_framework import serializers

from channels_app.models import Label
from rxgraph.channels import ContextChannel

SLOW_SECONDS = 0.3


class BadgeSerializer(serializers.ModelSerializer[Label]):
    """A label."""

    class Meta:
        model = Label
        fields = ("id", "name")


class SlowChannel(ContextChannel):
    """Thinks before it lets anybody in."""

    class Meta:
        state = BadgeSerializer()

    @staticmethod
    async def has_permission(user: Any, name: str) -> bool:
        await asyncio.sleep(SLOW_SECONDS)
        return True

    async def get_instance_id(self, name: str) -> Any:
        return (await Label.objects.aget_or_create(name=name))[0]


class BriefChannel(ContextChannel):
    """Makes a label, and deletes it when somebody watches."""

    class Meta:
        state = BadgeSerializer()

    @staticmethod
    def has_permission(user: Any, name: str) -> bool:
        return True

    async def get_instance_id(self, name: str) -> Any:
        return await Label.objects.acreate(name=f"{name} {uuid4().hex[:8]}")

    async def on_connect(self, tstamp: float | None) -> None:
        self._end = asyncio.create_task(self._delete(), name="brief")

    async def _delete(self) -> None:
        await asyncio.sleep(0.2)
        await Label.objects.filter(pk__in=self.anchor_ids).adelete()
