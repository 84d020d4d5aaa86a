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
