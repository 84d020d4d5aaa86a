"""What the stock clients graphql-ws and graphql-sse do by themselves, against our server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rxgraph.testing import document_for, query_for
from tests.integration.board import Board, serving_board

SCRIPT = Path(__file__).parent.parent / "clients" / "behaviour.mjs"

Told = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with serving_board(tmp_path_factory.mktemp("stock")) as board:
        yield board
    assert "Traceback" not in board.server.log


@pytest.fixture
def told(board: Board) -> Told:
    """Return what a behaviour told: the lines, an only member as its value."""

    def told(name: str) -> list[Any]:
        options = {
            "name": name,
            "url": board.server.websocket_url,
            "sse": board.server.graphql_url,
            "token": board.token("ann"),
            "query": document_for(board.sdl, "project"),
            "read": query_for(board.sdl, "project"),
            "variables": board.variables,
        }
        done = subprocess.run(  # noqa: S603
            ["node", str(SCRIPT), json.dumps(options)],  # noqa: S607
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return [next(iter(line.values())) if len(line) == 1 else line for line in lines]

    return told


ANSWER = ["DATA", True]


def test_a_lazy_client_connects_when_it_asks_and_leaves_when_it_has_its_answer(told: Told) -> None:
    assert told("lazy") == ["asking", "connecting", "connected", *ANSWER, "closed 1000"]


def test_an_eager_client_is_connected_until_it_leaves(told: Told) -> None:
    assert told("eager") == [
        *("connecting", "connected", "asking", *ANSWER, "leaving", "closed 1000"),
    ]


def test_a_client_that_lingers_asks_twice_on_one_socket(told: Told) -> None:
    assert told("lingering") == [
        *("connecting", "connected", *ANSWER, *ANSWER, "waiting", "closed 1000"),
    ]


def test_a_client_that_keeps_alive_has_its_pongs(told: Told) -> None:
    lines = told("keepAlive")
    assert lines.count("ping") >= 2
    assert lines.count("pong") >= lines.count("ping") - 1
    assert lines[:2] == ["connecting", "connected"]
    assert lines[-2:] == [True, "closed 1000"]


@pytest.mark.parametrize("name", ["params", "terminated"])
def test_a_socket_that_breaks_is_replaced_after_a_while_and_the_stream_goes_on(
    told: Told, name: str
) -> None:
    lines = [line for line in told(name) if not str(line).startswith("params")]
    closed = "closed 1006" if name == "params" else "closed 4499"
    assert lines == [
        *("connecting", "connected", "SNAPSHOT", closed, "retry 0", "connecting again"),
        *("connected", "SNAPSHOT", True, "closed 1000"),
    ]


def test_parameters_are_asked_for_at_every_connection(told: Told) -> None:
    lines = told("params")
    assert [line for line in lines if str(line).startswith("params")] == ["params 1", "params 2"]


def test_wrong_parameters_are_never_tried_again(told: Told) -> None:
    assert told("wrongParams") == ["connecting", "closed 4401", 4401]


def test_operations_share_a_socket_and_end_one_by_one(told: Told) -> None:
    lines = told("together")
    assert lines.count("SNAPSHOT") == 2
    assert "sockets 1" in lines
    assert lines[-2:] == [True, "closed 1000"]


def test_streams_over_sse_have_a_connection_each(told: Told) -> None:
    lines = told("sse")
    assert sorted(map(str, lines[:2])) == ["SNAPSHOT", "SNAPSHOT"]
    assert lines[2:4] == ANSWER
    assert lines[4:6] == ["BAD_REQUEST", True]


def test_wrong_credentials_over_sse_are_an_error(told: Told) -> None:
    assert told("sseWrong") == [401]


def test_the_single_connection_mode_of_sse_is_refused_clearly(told: Told) -> None:
    first, *rest = told("sseSingle")
    assert first["put"] == 405
    assert "no reservations" in first["told"]
    assert rest == [405]
