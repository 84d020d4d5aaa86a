"""A live context of a project, with an action for everything that actions may do."""

from __future__ import annotations

import asyncio
import datetime
import enum
import os
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NotRequired, TypedDict

from channels.db import database_sync_to_async
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from rest_framework import exceptions

from channels_app.models import Label, Project, Task
from channels_app.serializers import ProjectSerializer
from rxgraph.actions import BigInt, action
from rxgraph.channels import ContextChannel
from rxgraph.errors import Conflict, NotFound


class Mood(enum.Enum):
    CALM = "calm"
    LOUD = 11


class Span(TypedDict):
    first: datetime.date
    last: NotRequired[datetime.date | None]


@dataclass
class Everything:
    """Every kind of value."""

    flag: bool
    whole: int
    broken: float
    text: str
    big: BigInt
    exact: Decimal
    moment: datetime.datetime
    clock: datetime.time
    length: datetime.timedelta
    uid: uuid.UUID
    mood: Mood
    spans: list[list[Span | None]]
    extra: dict[str, Any]
    more: Decimal | None = None


class Facts(TypedDict):
    user: str
    project: int
    process: int
    visits: int | None


class DeskChannel(ContextChannel):
    """One project, for those who work on it."""

    class Meta:
        state = ProjectSerializer()

    class RuntimeState(TypedDict):
        visits: int

    @staticmethod
    def has_permission(user: Any, project_id: int) -> bool:
        return Project.objects.visible_to(user).filter(pk=project_id).exists()

    @action
    async def rename(self, name: str) -> bool:
        """Give the project another name."""
        if not name:
            raise ValidationError({"name": ValidationError("Say how", code="blank")})
        changed = await Project.objects.filter(pk=self.kwargs["project_id"]).aupdate(name=name)
        return bool(changed)

    @action
    async def facts(self) -> Facts:
        return {
            "user": self.user.username,
            "project": self.kwargs["project_id"],
            "process": os.getpid(),
            "visits": self.runtime_state.get("visits"),
        }

    @action
    async def visit(self, times: int = 1) -> None:
        await self.set_runtime_var("visits", times)

    @action
    async def tell(self, data: Any) -> None:
        await self.send(data)

    @action
    async def echo(self, value: Everything) -> Everything:
        return value

    @action
    async def repeat(self, text: str, times: int = 1) -> str:
        return text * times

    @action
    async def slow(self, seconds: float, name: str | None = None) -> str:
        await asyncio.sleep(seconds)
        if name is not None:
            await self.rename(name)
        return "done"

    @action
    async def hang(self, label: str) -> None:
        """Wait for ever; when it is stopped, leave a label behind."""
        await self.send("hanging")
        try:
            await asyncio.sleep(3600)
        finally:
            await Label.objects.acreate(name=label)

    @action
    async def add_tasks(self, titles: list[str]) -> list[int]:
        """Create tasks in one transaction."""

        def create() -> list[int]:
            with transaction.atomic():
                return [
                    Task.objects.create(project_id=self.kwargs["project_id"], title=title).pk
                    for title in titles
                ]

        found: list[int] = await database_sync_to_async(create)()
        return found

    @action
    async def lie(self) -> int:
        return "not a number"  # type: ignore[return-value]

    @action
    async def fail(self, kind: str) -> None:
        raise {
            "conflict": Conflict("It is taken"),
            "not found": NotFound("There is none"),
            "denied": PermissionDenied("internals"),
            "drf denied": exceptions.PermissionDenied("Not you"),
            "invalid": ValidationError("It is too long", code="max_length"),
            "drf invalid": exceptions.ValidationError({"due_date": ["It is over"]}),
            "missing": Task.DoesNotExist("internals"),
            "bug": RuntimeError("password is 1234"),
        }[kind]


class ShelfChannel(ContextChannel):
    """The projects that its viewer has asked for."""

    class Meta:
        state = ProjectSerializer(many=True)

    def list_instances(self) -> list[int]:
        return []

    @action
    async def show(self, project_id: int, first: bool = False) -> None:
        await self.add_instance(project_id, at_beginning=first)

    @action
    async def hide(self, project_id: int) -> None:
        await self.remove_instance(project_id)

    @action
    async def search(self, text: str) -> int:
        """Show those whose name contains the text, and nothing else."""
        await self.clear()
        found = Project.objects.visible_to(self.user).filter(name__icontains=text).order_by("name")
        count = 0
        async for project in found:
            await self.add_instance(project.pk)
            count += 1
        return count
