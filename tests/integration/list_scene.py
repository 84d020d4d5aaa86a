"""Clients of lists, and what processes do to what is listed; everything speaks JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import connection, transaction
from pymongo import MongoClient
from rest_framework.authtoken.models import Token

from channels_app.models import Membership, Project, Task
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.testing import document_for
from tests.integration import board_work
from tests.integration.board_clients import PATIENCE_SECONDS, Viewer, _opened, difference
from tests.integration.cluster import Cluster, Process
from tests.integration.servers import Server

APP = {"TEST_APPS": "tests.integration.listing"}
_CHANNELS = "tests.integration.listing.channels"

Board = dict[str, Any]


@cache
def documents() -> dict[str, str]:
    """Return the subscriptions by their field."""
    with registry.isolated():
        from tests.integration.listing.channels import BoardListChannel, DoneListChannel

    found = [compile_channel(channel) for channel in (BoardListChannel, DoneListChannel)]
    return {compiled.names.field: document_for(compiled) for compiled in found}


class ListViewer(Viewer):
    """One person who watches a list."""

    def __init__(
        self, server: Server, person: Mapping[str, Any], field: str = "boardList", **options: Any
    ) -> None:
        super().__init__(server, {}, person, **options)
        self.field = field

    async def open(self) -> None:
        """Connect and subscribe."""
        await self.client.open()
        _opened.append(self)
        variables = {} if self._after is None else {"after": self._after}
        self.subscription = await self.client.subscribe(documents()[self.field], variables)
        if self._known is not None:
            self.subscription._fold = self._known.subscription._fold
        self._task = asyncio.create_task(self._take())

    @property
    def names(self) -> list[str]:
        """The names of what is listed, in order."""
        return [project["name"] for project in self.state]

    async def until_lists(self, *names: str) -> None:
        """Return when exactly these are listed, in any order."""
        await self.until(lambda: sorted(self.names) == sorted(names))


async def settle_lists(shell: Process, viewers: Iterable[ListViewer]) -> None:
    """Return when every viewer shows what DRF renders of what he may see; writes have stopped."""
    viewers = list(viewers)
    people = sorted({viewer.person["id"] for viewer in viewers})
    wanted = {id_: await asyncio.to_thread(shell.call, expected_list, id_, "") for id_ in people}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = [_difference_of(viewer, wanted[viewer.person["id"]]) for viewer in viewers]
        if not any(found):
            return
        if time.monotonic() > deadline:
            raise AssertionError("; ".join(filter(None, found))[:2000])
        await asyncio.sleep(0.05)


def _difference_of(viewer: ListViewer, wanted: Mapping[str, Any]) -> str | None:
    if viewer.failure is not None:
        raise viewer.failure
    if not viewer.events:
        return "a viewer was told nothing yet"
    return difference({item["id"]: item for item in viewer.state}, dict(wanted))


# -- what runs in processes


def make_lists(projects: int = 3) -> Board:
    """Make two people, of whom the first owns some projects and the second sees none."""
    name = f"list {uuid4().hex[:12]}"
    people = [User.objects.create(username=f"{name} {number}") for number in range(2)]
    made = []
    for number in range(projects):
        project = Project.objects.create(name=f"p{number}", owner=people[0])
        Task.objects.create(project=project, title=f"of p{number}")
        made.append(project.pk)
    return {
        "projects": made,
        "people": [
            {"id": user.pk, "token": Token.objects.create(user=user).key} for user in people
        ],
    }


def expected_list(user_id: int, status: str) -> dict[str, Any]:
    """Return id → what DRF renders, of the projects that a user may see."""
    found = Project.objects.visible_to(User.objects.get(pk=user_id))
    if status:
        found = found.filter(status=status)
    return {str(pk): board_work.expected(pk, user_id) for pk in found.values_list("pk", flat=True)}


def create_project(owner: int, name: str, tasks: int = 1, undone: bool = False) -> int:
    """Create a project in a transaction that may be rolled back."""
    with transaction.atomic():
        project = Project.objects.create(owner_id=owner, name=name)
        for number in range(tasks):
            Task.objects.create(project=project, title=f"{name} {number}")
        transaction.set_rollback(undone)
    return int(project.pk)


def create_in_bulk(owner: int, names: list[str]) -> list[int]:
    """Create projects with ``bulk_create``."""
    made = Project.objects.bulk_create(Project(owner_id=owner, name=name) for name in names)
    return [project.pk for project in made]


def join_in_bulk(user: int, projects: list[int]) -> None:
    """Make somebody a member of some projects."""
    Membership.objects.bulk_create(Membership(user_id=user, project_id=pk) for pk in projects)


def join_by_relation(user: int, project: int, joins: bool) -> None:
    """Do so, or undo it, through the many-to-many relation."""
    members = Project.objects.get(pk=project).members
    members.add(user) if joins else members.remove(user)


def leave_in_bulk(user: int) -> None:
    """End all memberships of somebody."""
    Membership.objects.filter(user=user).delete()


def give_away(projects: list[int], owner: int) -> None:
    """Change the owner by one UPDATE."""
    Project.objects.filter(pk__in=projects).update(owner=owner)


def move_tasks(source: int, target: int) -> None:
    """Move all tasks of one project to another by one UPDATE."""
    Task.objects.filter(project=source).update(project=target)


def raw(sql: str, params: list[Any]) -> None:
    """Write past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


# -- what the store holds


def forest(here: Cluster, channel: str = "BoardListChannel") -> dict[str, Any]:
    """Return the record of a list channel's forest."""
    with MongoClient[dict[str, Any]](here.store_url) as client:
        key = {"c": f"{_CHANNELS}.{channel}", "a": ""}
        return client.get_default_database()["anchors"].find_one({"_id": key}) or {}


def cached_roots(here: Cluster, channel: str = "BoardListChannel") -> set[int]:
    """Return the projects that the cache of a list channel holds."""
    from rxgraph.cache.mongo_codec import collection_name

    name = collection_name(f"{_CHANNELS}.{channel}")
    wanted = {"_id.t": "Project", "_id.g": forest(here, channel).get("generation"), "x": None}
    with MongoClient[dict[str, Any]](here.store_url) as client:
        found = client.get_default_database()[name].find(wanted)
        return {int(document["_id"]["i"]) for document in found}
