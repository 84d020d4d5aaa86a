"""The stock graphql-ws client from npm against two servers, resuming from one to the other."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rxgraph.testing import Fold
from tests.integration import board_work as work
from tests.integration.board_clients import PATIENCE_SECONDS, difference, live_document
from tests.integration.cluster import cluster

CLIENTS = Path(__file__).parent.parent / "clients"


class NodeClient:
    """``resume.mjs`` in a process, and the state its events fold into."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.fold = process, Fold()

    async def line(self) -> dict[str, Any]:
        """Return the next thing that happened."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer
        return answer

    async def connected(self) -> str:
        """Return the address it is connected to now."""
        url: str = (await self.line())["connected"]
        return url

    async def event(self) -> dict[str, Any]:
        """Return the next event, folded in."""
        event: dict[str, Any] = (await self.line())["event"]["data"]["project"]
        self.fold.apply(event)
        return event

    async def say(self, word: str) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()


@asynccontextmanager
async def node_client(**options: Any) -> AsyncIterator[NodeClient]:
    """Run ``resume.mjs`` with *options*."""
    process = await asyncio.create_subprocess_exec(
        *("node", "resume.mjs", json.dumps(options)),
        cwd=CLIENTS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    client = NodeClient(process)
    try:
        yield client
        await client.say("stop")
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
@pytest.mark.skipif(
    not (CLIENTS / "node_modules" / "graphql-ws").exists(), reason="run npm ci in tests/clients"
)
async def test_graphql_ws_resumes_from_server_to_server(tmp_path: Path) -> None:
    with cluster(tmp_path) as here:
        servers, shell = here.serve(2), here.process()
        board = shell.call(work.make_board)
        ada, _ = board["people"]
        first, second, third = board["tasks"]
        urls = [server.websocket_url for server in servers]

        async with node_client(
            urls=urls,
            token=ada["token"],
            query=live_document(),
            variables={"projectId": board["project"]},
        ) as client:

            def equals_drf() -> None:
                wanted = shell.call(work.expected, board["project"], ada["id"])
                assert difference(client.fold.state, wanted) is None

            assert await client.connected() == urls[0]
            assert (await client.event())["kind"] == "SNAPSHOT"
            equals_drf()
            shell.call(work.save, "Task", first, {"title": "live"})
            event = await client.event()
            assert (event["kind"], len(event["changed"]["tasks"])) == ("DELTA", 1)
            equals_drf()

            for visit, word in enumerate(("drop", "leave", "drop"), start=1):
                await client.say(word)
                assert await client.connected() == urls[visit % 2]
                event = await client.event()
                assert event["kind"] == "DELTA", "a fresh cursor was not resumed"
                equals_drf()
                title = f"on visit {visit}"
                servers[(visit + 1) % 2].write(
                    {"op": "save", "model": "channels_app.Task", "pk": second}
                    | {"data": {"title": title}}
                )
                event = await client.event()
                assert [task["title"] for task in event["changed"]["tasks"]] == [title]
                equals_drf()

            shell.call(work.delete, "Task", third)
            removed = (await client.event())["removed"]
            assert ("Task", str(third)) in {(gone["typename"], gone["nodeId"]) for gone in removed}
            equals_drf()
            assert shell.call(work.clear, board["project"]) is True
            assert [(await client.event())["kind"] for _ in range(2)] == ["RESET", "SNAPSHOT"]
            equals_drf()
