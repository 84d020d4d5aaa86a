"""A served board with everybody it takes to write, refuse and watch, on either kind of server.

::

    with embedded(tmp_path) as scene:          # memory and SQLite, one process
    with clustered(tmp_path) as scene:         # MongoDB, PostgreSQL, Redis, two processes

Ann owns the projects, eve edits the first one, bob may only look at it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from rxgraph.serve.schema import get_schema
from rxgraph.testing import (
    OperationFailed,
    Subscription,
    SubscriptionClient,
    WriteRefused,
    document_for,
    mutation_for,
    query_for,
)
from tests.integration.cluster import cluster
from tests.integration.servers import Server, environment, manage, run_code, serving

PATIENCE_SECONDS = 30.0

_FILL = """
import json
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from channels_app.models import Comment, Label, Membership, Note, Project, Task
people = {}
for name in ("ann", "bob", "eve"):
    user = User.objects.create_user(name)
    people[name] = {"id": user.pk, "token": Token.objects.create(user=user).key}
ann, bob, eve = (User.objects.get(username=name) for name in people)
project = Project.objects.create(name="Garden", owner=ann)
other = Project.objects.create(name="House", owner=ann)
Membership.objects.create(project=project, user=bob, role="viewer")
Membership.objects.create(project=project, user=eve, role="editor")
labels = [Label.objects.create(name=name).pk for name in ("red", "green", "blue")]
stranger = User.objects.create_user("mallory").pk
hidden = Task.objects.create(project=other, title="Paint")
hidden_comment = Comment.objects.create(task=hidden, author=ann, body="White")
print(json.dumps({"people": people, "project": project.pk, "other": other.pk, "labels": labels,
                  "stranger": stranger, "hidden": hidden.pk,
                  "hidden_comment": hidden_comment.pk}))
"""

_TABLES = (
    *("project", "membership", "task", "task_labels", "checklistitem", "comment", "note", "label"),
)


class Recorder(SubscriptionClient):
    """A client that keeps every message in the order in which it came."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.frames: list[dict[str, Any]] = []

    def _take(self, message: dict[str, Any]) -> None:
        self.frames.append(message)
        super()._take(message)


@cache
def document(field_name: str) -> str:
    """Return the full document of a mutation."""
    return mutation_for(get_schema(), field_name)


def live_document() -> str:
    """Return the subscription that tells everything about a project."""
    return document_for(get_schema(), "project")


def read_document() -> str:
    """Return the query for the whole state of a project."""
    return query_for(get_schema(), "project")


@dataclass
class Scene:
    """Servers of one database, and what is in it."""

    servers: Sequence[Server]
    fetch: Callable[[str], list[tuple[Any, ...]]]
    people: Mapping[str, Mapping[str, Any]]
    project: int
    other: int
    labels: Sequence[int]
    stranger: int
    hidden: int
    hidden_comment: int
    names: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def far(self) -> Server:
        """A server that is not the first, where there is one."""
        return self.servers[-1]

    def client(self, name: str, server: Server | None = None, **options: Any) -> Recorder:
        """Return a client of somebody, on the first server unless told."""
        url = (server or self.servers[0]).websocket_url
        options.setdefault("timeout", PATIENCE_SECONDS)
        return Recorder(url, token=self.people[name]["token"], schema=get_schema(), **options)

    def http(self, name: str, query: str, **variables: Any) -> dict[str, Any]:
        """Return the whole answer to an operation over HTTP."""
        return self.http_text(name, json.dumps({"query": query, "variables": variables}))

    def http_text(self, name: str, content: str) -> dict[str, Any]:
        """Return the whole answer to a body sent as it is."""
        answer = httpx.post(
            self.servers[0].graphql_url,
            content=content,
            headers={
                "Authorization": f"Token {self.people[name]['token']}",
                "Content-Type": "application/json",
            },
            timeout=PATIENCE_SECONDS,
        )
        found: dict[str, Any] = answer.json()
        return found

    async def watch(self, client: SubscriptionClient, **variables: Any) -> Subscription:
        """Subscribe to the project, and take the first event."""
        found = await client.subscribe(live_document(), {"projectId": self.project, **variables})
        await found.next_event()
        return found

    def name(self) -> str:
        """Return a text that nothing else has."""
        return f"name {next(self.names)}"

    def task(self, **data: Any) -> int:
        """Create a task behind the mutations' back, in the process of the first server."""
        values = {"project_id": self.project, "title": self.name(), **data}
        return self.create("Task", **values)

    def create(self, model: str, **data: Any) -> int:
        """Create a row in the process of the first server."""
        operation = {"op": "create", "model": f"channels_app.{model}", "data": data}
        pk: int = self.servers[0].write(operation)[0]
        return pk

    def save(self, model: str, pk: int, server: Server | None = None, **data: Any) -> None:
        """Save a row in the process of a server."""
        operation = {"op": "save", "model": f"channels_app.{model}", "pk": pk, "data": data}
        (server or self.servers[0]).write(operation)

    def delete(self, model: str, pk: int) -> None:
        """Delete a row in the process of the first server."""
        self.servers[0].write({"op": "delete", "model": f"channels_app.{model}", "pk": pk})

    def row(self, table: str, pk: Any, *columns: str) -> tuple[Any, ...] | None:
        """Return columns of a row as the database holds it."""
        rows = self.fetch(
            f"SELECT {', '.join(columns)} FROM channels_app_{table} WHERE id = {int(pk)}"  # noqa: S608
        )
        return rows[0] if rows else None

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything on the boards."""
        return {
            table: self.fetch(f"SELECT * FROM channels_app_{table} ORDER BY id")  # noqa: S608
            for table in _TABLES
        }

    def state(self, name: str) -> Any:
        """Return what a query reads now."""
        data = self.http(name, read_document(), projectId=self.project)["data"]
        return without_typenames(data["project"]["state"])


def without_typenames(value: Any) -> Any:
    """Return nested data as a fold has it."""
    if isinstance(value, dict):
        return {k: without_typenames(v) for k, v in value.items() if k != "__typename"}
    return [without_typenames(item) for item in value] if isinstance(value, list) else value


@contextmanager
def unchanged(scene: Scene) -> Iterator[None]:
    """Check that the database is afterwards what it was."""
    before = scene.dump()
    yield
    assert scene.dump() == before


async def outcome(client: SubscriptionClient, field_name: str, **variables: Any) -> list[str]:
    """Write, and return why not: codes of the messages or of the error; empty when written."""
    try:
        await client.mutate(field_name, **variables)
    except WriteRefused as refused:
        return [str(code) for code in refused.codes]
    except OperationFailed as failed:
        return [str(failed.code)]
    return []


async def agreed(scene: Scene, name: str, *subscriptions: Subscription) -> None:
    """Return when subscriptions of one person show what a query reads."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for subscription in subscriptions:
        while True:
            wanted = await asyncio.to_thread(scene.state, name)
            try:
                while subscription.state != wanted:
                    await subscription.next_event(1.0)
                break
            except TimeoutError:
                assert time.monotonic() < deadline, (subscription.state, wanted)


@contextmanager
def embedded(folder: Path, *, rxgraph: Mapping[str, Any] | None = None) -> Iterator[Scene]:
    """Serve from one process, with the memory store and SQLite."""
    path = folder / "db.sqlite3"
    environ = environment(database=path, rxgraph=rxgraph)
    manage(environ, "migrate", "--verbosity", "0")
    rows = json.loads(run_code(environ, _FILL))

    def fetch(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    with serving(environ, folder / "server.log") as server:
        yield Scene(servers=[server], fetch=fetch, **rows)
        _check_log(server)


@contextmanager
def clustered(folder: Path, servers: int = 2) -> Iterator[Scene]:
    """Serve from several processes, with MongoDB, PostgreSQL and Redis."""
    with cluster(folder) as here:
        rows = json.loads(run_code(here.environ, _FILL))

        def fetch(sql: str) -> list[tuple[Any, ...]]:
            with psycopg.connect(here.database_url, autocommit=True) as connection:
                return connection.execute(sql.encode()).fetchall()

        started = here.serve(servers)
        yield Scene(servers=started, fetch=fetch, **rows)
        for server in started:
            _check_log(server)


def _check_log(server: Server) -> None:
    if "Traceback" in server.log or "never retrieved" in server.log:
        pytest.fail(f"the server logged:\n{server.log[-4000:]}")
