"""Random declarations over the board's models: what is nested, what is private, what is secret.

A world is made from a few words, so that servers in other processes make the very same one.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from django.db import models
from rest_framework import serializers

from channels_app.models import Comment, Label, Note, Project, Task
from rxgraph.actions import BigInt, action
from rxgraph.channels import ContextChannel
from rxgraph.operations import CREATE, DELETE, SAVE

#: Model → the field that names its owner, and the one text that it has.
OWNER = {"project": "owner", "task": "assignee", "comment": "author", "note": "owner"}
TEXT = {"project": "name", "task": "title", "comment": "body", "note": "body", "label": "name"}
MODELS: dict[str, Any] = {
    "project": Project,
    "task": Task,
    "comment": Comment,
    "note": Note,
    "label": Label,
}


@dataclass(frozen=True)
class World:
    """What the channels of one example declare."""

    #: Layers that only their owner sees.
    private: tuple[str, ...]
    #: Layers below tasks.
    nested: tuple[str, ...]
    is_secret: bool
    #: ``has_permission`` of a single channel looks the row up first.
    looks_up: bool

    @property
    def words(self) -> dict[str, Any]:
        """Return what another process makes the same world of."""
        return asdict(self)


def random_world(rng: random.Random) -> World:
    """Return some world, in which something is private mostly."""
    private = [name for name in OWNER if rng.random() < (0.25 if name == "project" else 0.5)]
    nested = [name for name in ("comment", "note", "label") if rng.random() < 0.8] or ["note"]
    return World(tuple(private), tuple(nested), rng.random() < 0.5, rng.random() < 0.5)


def world_of(words: dict[str, Any]) -> World:
    """Return the world that *words* describe."""
    return World(
        tuple(words["private"]), tuple(words["nested"]), words["is_secret"], words["looks_up"]
    )


def members_only(user: Any) -> models.QuerySet[Project]:
    """Return the projects that *user* owns or takes part in; staff is nothing special here."""
    joined = models.Q(memberships__user=user)
    return Project.objects.filter(models.Q(owner=user) | joined).distinct()


def _serializer(world: World, name: str, **nested: Any) -> Any:
    model = MODELS[name]
    meta: dict[str, Any] = {
        "model": model,
        "fields": ("id", TEXT[name], *nested),
        "graphql_name": f"Own{name.title()}",  # beside the types of the board itself
    }
    if name in world.private:
        meta["user_key"] = OWNER[name]
    body = {"Meta": type("Meta", (), meta), **nested}
    return type(f"{name.title()}Serializer", (serializers.ModelSerializer,), body)


def channels_of(world: World) -> list[type[ContextChannel]]:
    """Declare the channels of *world*: one project, all projects of a user in two ways."""
    related = {"comment": "comments", "note": "notes", "label": "labels"}
    layers = {name: _serializer(world, name) for name in world.nested}
    below = {related[name]: layer(many=True, read_only=True) for name, layer in layers.items()}
    layers["task"] = _serializer(world, "task", **below)
    project = _serializer(world, "project", tasks=layers["task"](many=True, read_only=True))
    layers["project"] = project
    grants = {
        layer: [SAVE] if name == "project" else [SAVE, DELETE] + [CREATE] * (name != "label")
        for name, layer in layers.items()
    }

    class Everything(ContextChannel):
        """Whoever sees something may write it."""

        class Meta:
            abstract = True

        class RuntimeState(TypedDict):
            greeting: str

        async def on_connect(self, tstamp: float | None) -> None:
            await self.set_runtime_var("greeting", self.user.first_name)

        def can_save(self, instance: Any, data: Any) -> bool:
            return True

        def can_create(self, model_class: Any, parent: Any, data: Any) -> bool:
            return True

        def can_delete(self, instance: Any) -> bool:
            return True

        @action
        async def echo(self, text: str) -> str:
            """Say something to the viewer himself."""
            await self.send({"said": text})
            return text

    class VaultChannel(Everything):
        __qualname__ = "VaultChannel"

        class Meta:
            state = project()
            writable = grants
            secret = world.is_secret

        @staticmethod
        def has_permission(user: Any, project_id: BigInt) -> bool:
            if world.looks_up:
                return members_only(user).contains(Project.objects.get(pk=project_id))
            return members_only(user).filter(pk=project_id).exists()

    class ShelfChannel(Everything):
        __qualname__ = "ShelfChannel"

        class Meta:
            state = project(many=True)
            writable = grants
            auto_update = True

        def list_instances(self) -> Any:
            return members_only(self.user)

    class PileChannel(Everything):
        __qualname__ = "PileChannel"

        class Meta:
            state = project(many=True)
            writable = grants

        async def list_instances(self) -> Any:
            return members_only(self.user)

        async def is_visible(self, instance_id: Any) -> bool:
            return await members_only(self.user).filter(pk=instance_id).aexists()

    return [VaultChannel, ShelfChannel, PileChannel]
