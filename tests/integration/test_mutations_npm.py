"""The stock graphql-ws client from npm, watching and writing on one socket."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rxgraph.testing import Fold
from tests.integration.mutation_scene import (
    PATIENCE_SECONDS,
    document,
    embedded,
    live_document,
)

CLIENTS = Path(__file__).parent.parent / "clients"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here"),
    pytest.mark.skipif(
        not (CLIENTS / "node_modules" / "graphql-ws").exists(), reason="run npm ci in tests/clients"
    ),
]


async def test_graphql_ws_writes_on_the_socket_it_watches(tmp_path: Path) -> None:
    with embedded(tmp_path) as scene:
        task = scene.task(title="first")
        options = {
            "url": scene.servers[0].websocket_url,
            "token": scene.people["ann"]["token"],
            "query": live_document(),
            "variables": {"projectId": scene.project},
            "mutation": document("projectSaveTask"),
        }
        process = await asyncio.create_subprocess_exec(
            *("node", "mutate.mjs", json.dumps(options)),
            cwd=CLIENTS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        assert process.stdin is not None
        fold = Fold()

        async def line() -> dict[str, Any]:
            assert process.stdout is not None
            text = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
            found: dict[str, Any] = json.loads(text)
            if "event" in found:
                fold.apply(found["event"]["data"]["project"])
            return found

        def say(value: Any) -> None:
            assert process.stdin is not None
            process.stdin.write(f"{value if value == 'stop' else json.dumps(value)}\n".encode())

        def write(name: str, **data: Any) -> dict[str, Any]:
            return {
                "projectId": scene.project,
                "id": str(task),
                "data": data,
                "clientMutationId": name,
            }

        try:
            assert (await line())["event"]["data"]["project"]["kind"] == "SNAPSHOT"
            say(write("one", title="from node"))
            event = (await line())["event"]["data"]["project"]
            assert event["clientMutationIds"] == ["one"]
            answer = (await line())["answer"]["data"]["projectSaveTask"]
            assert answer["task"] == event["changed"]["tasks"][0]
            assert answer["messages"] == []
            assert fold.state["tasks"][0]["title"] == "from node"

            say(write("two", title=""))
            answer = (await line())["answer"]["data"]["projectSaveTask"]
            assert [(m["field"], m["code"]) for m in answer["messages"]] == [("title", "BLANK")]

            say([write(f"many {number}", position=number) for number in range(20)])
            told: set[str] = set()
            answered: list[str] = []
            while len(answered) < 20:
                found = await line()
                if "event" in found:
                    told |= set(found["event"]["data"]["project"]["clientMutationIds"])
                else:
                    name = found["answer"]["data"]["projectSaveTask"]["clientMutationId"]
                    assert name in told, "the answer came before its event"
                    answered.append(name)
            assert len(set(answered)) == 20
            say("stop")
            assert await line() == {"sockets": 1}
            assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
