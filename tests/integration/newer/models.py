"""Changes the serializers before any channel is compiled; there are no models of its own."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from channels_app.serializers import TaskSerializer


class _Shouted(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return f"{value}!"


TaskSerializer._declared_fields["title"] = _Shouted(max_length=200)
TaskSerializer._declared_fields["headline"] = _Shouted(source="title", read_only=True)
TaskSerializer.Meta.fields += ("headline",)  # type: ignore[assignment]
