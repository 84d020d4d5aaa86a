"""Servers whose board has a desk, and the people who act there, on either kind of server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import strawberry

from channels_app.channels import ProjectChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.serve.schema import make_schema
from rxgraph.testing import Subscription, SubscriptionClient, document_for, mutation_for
from tests.integration.board import _FILL
from tests.integration.cluster import Cluster, cluster
from tests.integration.servers import Server, environment, manage, run_code, serving

APPS = {"TEST_APPS": "tests.integration.acting"}
PATIENCE_SECONDS = 30.0


@cache
def schema() -> strawberry.Schema:
    """Return the schema that the servers serve."""
    with registry.isolated():
        from tests.integration.acting.channels import DeskChannel, ShelfChannel
    channels = (DeskChannel, ProjectChannel, ShelfChannel)
    return make_schema([compile_channel(channel) for channel in channels])


@dataclass(frozen=True)
class Desk:
    """Servers of one database, and what is in it."""

    servers: Sequence[Server]
    rows: Mapping[str, Any]
    cluster: Cluster | None = None

    @property
    def near(self) -> Server:
        """The server that clients are connected to."""
        return self.servers[0]

    @property
    def far(self) -> Server:
        """Another server, where there is one."""
        return self.servers[-1]

    @property
    def project(self) -> int:
        """Primary key of the project."""
        pk: int = self.rows["project"]
        return pk

    def client(self, name: str, server: Server | None = None) -> SubscriptionClient:
        """Return a client of somebody, on the near server unless told."""
        return SubscriptionClient(
            (server or self.near).websocket_url,
            token=self.rows["people"][name]["token"],
            schema=schema(),
            timeout=PATIENCE_SECONDS,
        )

    async def watch(self, client: SubscriptionClient) -> Subscription:
        """Subscribe to the desk, and take the first event."""
        found = await client.subscribe(document_for(schema(), "desk"), {"projectId": self.project})
        await found.expect_snapshot()
        return found

    async def post(
        self,
        name: str | None,
        document: str,
        variables: Mapping[str, Any] | None = None,
        server: Server | None = None,
    ) -> dict[str, Any]:
        """Return the whole answer to an operation over HTTP."""
        token = {} if name is None else {"Authorization": f"Token {self._token(name)}"}
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
            answer = await http.post(
                (server or self.near).graphql_url,
                json={"query": document, "variables": dict(variables or {})},
                headers=token,
            )
        found: dict[str, Any] = answer.json()
        return found

    async def act(
        self, name: str | None, field: str, server: Server | None = None, /, **variables: Any
    ) -> Any:
        """Run an action over HTTP; return what it answers, or the first error."""
        answer = await self.post(name, mutation_for(schema(), field), variables, server)
        if answer.get("errors"):
            return answer["errors"][0]
        return answer["data"][field]

    def _token(self, name: str) -> str:
        token: str = self.rows["people"][name]["token"]
        return token

    def fetch(self, code: str) -> Any:
        """Return the JSON value of a Python expression over the models, in a process beside."""
        text = f"import json\nfrom channels_app.models import *\nprint(json.dumps({code}))"
        return json.loads(run_code(self.near.environ, text))

    def log(self) -> str:
        """Return what all servers have logged."""
        return "".join(server.log for server in self.servers)


@contextmanager
def embedded(folder: Path, **rxgraph: Any) -> Iterator[Desk]:
    """Serve from one process, with the memory store and SQLite."""
    environ = environment(database=folder / "db.sqlite3", rxgraph=rxgraph, environ=APPS)
    manage(environ, "migrate", "--verbosity", "0")
    rows = json.loads(run_code(environ, _FILL))
    with serving(environ, folder / "server.log") as server:
        yield Desk([server], rows)


@contextmanager
def clustered(folder: Path, servers: int = 2, **rxgraph: Any) -> Iterator[Desk]:
    """Serve from several processes, with MongoDB, PostgreSQL and Redis."""
    with cluster(folder, rxgraph=rxgraph, environ=APPS) as here:
        rows = json.loads(run_code(here.environ, _FILL))
        yield Desk(here.serve(servers), rows, here)
