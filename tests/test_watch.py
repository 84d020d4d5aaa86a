"""The embedded default as people meet it: SQLite, the memory store, a shell, ``rxgraph_watch``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration import board_work as work
from tests.integration.board_clients import Viewer, close_all, settle
from tests.integration.cluster import Process
from tests.integration.servers import (
    ROOT,
    Server,
    environment,
    free_port,
    manage,
    run_code,
    serving,
)

pytestmark = pytest.mark.slow

Board = dict[str, Any]

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A migrated SQLite database, and nothing else."""
    folder = tmp_path_factory.mktemp("embedded")
    found = environment(database=folder / "db.sqlite3", environ={"TEST_DEBUG": "1"})
    manage(found, "migrate", "--verbosity", "0")
    return found


@pytest.fixture(scope="module")
def server(
    environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(environ, tmp_path_factory.mktemp("server") / "log") as server:
        yield server
    assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def shell(
    environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    process = Process(environ, tmp_path_factory.mktemp("shell") / "log")
    yield process
    process.close()


@pytest.fixture
def board(shell: Process) -> Board:
    made: Board = shell.call(work.make_board)
    return made


@pytest.fixture(autouse=True)
async def _nobody_stays():
    yield
    await close_all()


# -- changes made elsewhere


async def test_a_change_made_in_a_shell_shows_within_two_seconds(
    environ: Mapping[str, str], server: Server, shell: Process, board: Board
) -> None:
    task = board["tasks"][0]
    async with Viewer(server, board, board["people"][0]) as viewer:
        await settle(shell, [viewer])
        for number in range(3):
            shell.call(work.save, "Task", task, {"title": f"from a shell {number}"})
            saved = time.monotonic()
            await viewer.until_titled(task, f"from a shell {number}")
            assert time.monotonic() - saved < 2.0
        run_code(
            environ,
            "from channels_app.models import Task\n"
            f"Task.objects.filter(project={board['project']}).update(title='all at once')",
        )
        await viewer.until(lambda: {t["title"] for t in viewer.state["tasks"]} == {"all at once"})
        await settle(shell, [viewer])


async def test_a_shell_and_the_server_write_at_once(
    server: Server, shell: Process, board: Board
) -> None:
    async with (
        Viewer(server, board, board["people"][0]) as one,
        Viewer(server, board, board["people"][1]) as two,
    ):

        def by_back_door() -> None:
            for number in range(40):
                change = {"op": "update", "model": "channels_app.Task", "pk": board["tasks"][0]}
                server.write({**change, "data": {"description": f"number {number}"}})

        await asyncio.gather(
            asyncio.to_thread(by_back_door),
            asyncio.to_thread(shell.call, work.write_much, board["project"], 60, 4),
        )
        await settle(shell, [one, two])


# -- rxgraph_watch


@contextmanager
def watching(environ: Mapping[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``manage.py rxgraph_watch`` as long as the block lasts."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "django", "rxgraph_watch", *options],
        env={**environ, "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with process:
            yield process
            process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()


def watched(environ: Mapping[str, str], *options: str) -> tuple[int, str]:
    """Return how ``rxgraph_watch`` ends by itself, and what it prints."""
    with watching(environ, *options) as process:
        assert process.stdout is not None
        return process.wait(PATIENCE_SECONDS), process.stdout.read()


def test_watch_prints_the_snapshot_and_each_delta(
    environ: Mapping[str, str], server: Server, shell: Process, board: Board
) -> None:
    options = ["project", "--project-id", str(board["project"]), "--url", server.websocket_url]
    options += ["--token", board["people"][0]["token"], "--events", "3"]
    with watching(environ, *options) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "secret" not in lines[-1]:  # notes come last in a snapshot
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        shell.call(work.save, "Task", board["tasks"][1], {"title": "Watch me"})
        while "Watch me" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        shell.call(work.delete, "Task", board["tasks"][2])
        rest = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 0
    printed = "".join(lines)
    assert "SNAPSHOT" in lines[0]
    assert "1 projects" in lines[1]
    assert "3 tasks" in lines[1]
    assert "DELTA" in printed
    assert f"Task {board['tasks'][1]}" in printed
    assert "title='Watch me'" in printed
    assert f"- Task {board['tasks'][2]} deleted" in rest
    assert f"secret of {board['people'][1]['id']}" not in printed + rest


def test_watch_says_when_the_board_is_deleted(
    environ: Mapping[str, str], server: Server, shell: Process, board: Board
) -> None:
    options = ["project", "--project-id", str(board["project"]), "--url", server.websocket_url]
    options += ["--token", board["people"][0]["token"]]
    with watching(environ, *options) as process:
        assert process.stdout is not None
        assert "SNAPSHOT" in process.stdout.readline()
        shell.call(work.delete, "Project", board["project"])
        rest = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert "the stream has ended" in rest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["project", "--project-id", "1", "--token", "nonsense"], ["the token is not accepted"]),
        (["project", "--project-id", "1"], ["UNAUTHENTICATED", "Sign in"]),
        (["project", "--project-id", "999999", "--token", "$"], ["NOT_FOUND", "999999"]),
        (["project", "--project-id", "x", "--token", "$"], ["'x' is not a number"]),
        (["project", "--token", "$"], ["project needs --project-id"]),
        (["nothing"], ["project"]),
        (["project", "--project-id", "$", "--token", "$", "--after", "garbage"], ["BAD_REQUEST"]),
    ],
)
def test_watch_says_what_is_wrong(
    environ: Mapping[str, str],
    server: Server,
    board: Board,
    options: list[str],
    words: list[str],
) -> None:
    given = {"--token": board["people"][0]["token"], "--project-id": str(board["project"])}
    filled = [given[options[n - 1]] if word == "$" else word for n, word in enumerate(options)]
    code, printed = watched(environ, *filled, "--url", server.websocket_url)
    assert code in (1, 2)
    assert all(word in printed for word in words), printed
    assert "Traceback" not in printed
    assert "System check" not in printed


def test_watch_waits_for_a_server_that_is_not_there(environ: Mapping[str, str]) -> None:
    url = f"ws://127.0.0.1:{free_port()}/graphql"
    with watching(environ, "project", "--project-id", "1", "--url", url) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        process.terminate()
    assert f"no server at {url}" in first
    assert f"no server at {url}" in second


# -- the demo


def test_demo_data_leads_to_a_board_that_can_be_watched(
    tmp_path: Path, environ: Mapping[str, str]
) -> None:
    own = {**environ, "TEST_SQLITE": str(tmp_path / "demo.sqlite3")}
    manage(own, "migrate", "--verbosity", "0")
    printed = manage(own, "demo_data")
    command = next(line for line in printed.splitlines() if "rxgraph_watch" in line)
    options = command.split("rxgraph_watch ")[1].split()
    with serving(own, tmp_path / "log") as server:
        code, shown = watched(own, *options, "--url", server.websocket_url, "--events", "1")
    assert code == 0, shown
    assert "SNAPSHOT" in shown
