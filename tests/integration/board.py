"""A served board with two people on it, for tests against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rxgraph.testing import SubscriptionClient
from tests.integration.servers import Server, environment, manage, run_code, serving

_FILL = """
import json
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from channels_app.models import Comment, Membership, Note, Project, Task
people = {}
for name in ("ann", "bob", "eve", "off"):
    user = User.objects.create_user(name, password="secret", is_active=name != "off",
                                    is_staff=name == "ann")
    people[name] = {"id": user.pk, "token": Token.objects.create(user=user).key}
ann, bob = User.objects.get(username="ann"), User.objects.get(username="bob")
project = Project.objects.create(name="Garden", owner=ann)
Membership.objects.create(project=project, user=bob)
task = Task.objects.create(project=project, title="Dig", assignee=bob)
mine = Note.objects.create(task=task, owner=ann, body="secret of ann")
his = Note.objects.create(task=task, owner=bob, body="secret of bob")
print(json.dumps({"people": people, "project": project.pk, "task": task.pk,
                  "notes": {"ann": mine.pk, "bob": his.pk}}))
"""

_SDL = """
from rxgraph.serve.schema import get_schema
print(get_schema().as_str())
"""


@dataclass(frozen=True)
class Board:
    """One project with a task, and who may see it."""

    server: Server
    people: Mapping[str, Mapping[str, Any]]
    project: int
    task: int
    notes: Mapping[str, int]
    sdl: str

    def token(self, name: str) -> str:
        """Return somebody's DRF token."""
        token: str = self.people[name]["token"]
        return token

    def client(self, name: str | None = "ann", **options: Any) -> SubscriptionClient:
        """Return a client of somebody."""
        if name is not None:
            options.setdefault("token", self.token(name))
        return SubscriptionClient(self.server.websocket_url, **options)

    @property
    def variables(self) -> dict[str, Any]:
        """Arguments of the project."""
        return {"projectId": self.project}

    def save(self, model: str, pk: Any, **data: Any) -> None:
        """Save one row in the server's process."""
        self.server.write({"op": "save", "model": f"channels_app.{model}", "pk": pk, "data": data})

    def create(self, model: str, **data: Any) -> Any:
        """Create one row in the server's process."""
        return self.server.write({"op": "create", "model": f"channels_app.{model}", "data": data})[
            0
        ]

    def delete(self, model: str, pk: Any) -> None:
        """Delete one row in the server's process."""
        self.server.write({"op": "delete", "model": f"channels_app.{model}", "pk": pk})


@contextmanager
def serving_board(
    folder: Path,
    *,
    rxgraph: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Board]:
    """Serve a fresh board on SQLite from a process of its own."""
    found = environment(database=folder / "db.sqlite3", rxgraph=rxgraph, environ=environ)
    manage(found, "migrate", "--verbosity", "0")
    rows = json.loads(run_code(found, _FILL))
    sdl = run_code(found, _SDL)
    with serving(found, folder / "server.log") as server:
        yield Board(server=server, sdl=sdl, **rows)
