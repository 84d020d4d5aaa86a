"""A board with presence, groups and notifications."""

from __future__ import annotations

from typing import Any, TypedDict

from channels_app.models import Project
from channels_app.serializers import ProjectSerializer
from rxgraph.channels import ContextChannel
from rxgraph.consumers import consumer


class LiveProjectChannel(ContextChannel):
    """One project, live for its members."""

    class Meta:
        state = ProjectSerializer()

    class RuntimeState(TypedDict):
        greeting: str
        last_word: str | None

    @staticmethod
    def has_permission(user: Any, project_id: int) -> bool:
        return Project.objects.visible_to(user).filter(pk=project_id).exists()

    async def on_connect(self, tstamp: float | None) -> None:
        await self.group_add(f"project.{self.kwargs['project_id']}")
        await self.set_runtime_var("greeting", f"Hello {self.user.pk}")

    @consumer("project.said")
    async def hear(self, event: dict[str, Any]) -> None:
        await self.set_runtime_var("last_word", event["text"])

    @consumer("project.said")
    async def answer(self, event: dict[str, Any]) -> None:
        if event.get("wants_answer"):
            await self.send({"heard": event["text"]})


class LiveShelfChannel(ContextChannel):
    """All projects of a viewer who has not been locked out."""

    class Meta:
        state = ProjectSerializer(many=True)

    class RuntimeState(TypedDict):
        count: int

    @staticmethod
    def has_permission(user: Any) -> bool:
        return bool(user.last_name != "locked out")

    def list_instances(self) -> Any:
        return Project.objects.visible_to(self.user)

    async def on_connect(self, tstamp: float | None) -> None:
        await self.set_runtime_var("count", await self.list_instances().acount())
