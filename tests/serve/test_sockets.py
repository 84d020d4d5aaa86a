"""Who is asked whether he is there, and who is let go; the clock is turned by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rxgraph.serve.sockets import Sockets, Verdict, judge

PATIENCE = 30.0


@pytest.mark.parametrize(
    ("now", "heard_at", "asked_at", "stalled_at", "verdict"),
    [
        (129.0, 100.0, -math.inf, None, Verdict.FINE),
        (130.0, 100.0, -math.inf, None, Verdict.ASK),
        (159.0, 100.0, 130.0, None, Verdict.FINE),
        (160.0, 100.0, 130.0, None, Verdict.SILENT),
        (160.0, 131.0, 130.0, None, Verdict.FINE),
        (160.0, 130.0, 130.0, None, Verdict.ASK),  # heard in the second in which it was asked
        (159.0, 0.0, 10.0, 100.0, Verdict.FINE),  # reads slowly: it cannot answer yet
        (160.0, 159.0, 10.0, 100.0, Verdict.STALLED),
    ],
)
def test_a_client_is_judged_by_what_was_heard_of_it(
    now: float, heard_at: float, asked_at: float, stalled_at: float | None, verdict: Verdict
) -> None:
    found = judge(
        now,
        heard_at=heard_at,
        asked_at=asked_at,
        stalled_at=stalled_at,
        patience_seconds=PATIENCE,
    )
    assert found is verdict


class Silent:
    """A client that says nothing."""

    is_busy = False

    def __init__(self) -> None:
        self.heard_at = self.asked_at = 0.0
        self.stalled_at: float | None = None
        self.calls: list[Any] = []

    def ask(self) -> None:
        self.calls.append("ask")

    def let_go(self, code: int, reason: str) -> None:
        self.calls.append(code)


@pytest.fixture
def here(settings: Any) -> Sockets:
    settings.RXGRAPH = {**settings.RXGRAPH, "PING_SECONDS": PATIENCE}
    return Sockets(clock=lambda: clock[0])


clock = [0.0]


async def test_one_look_asks_and_lets_go(here: Sockets) -> None:
    clock[0] = 1000.0
    silent, talking, stalled = Silent(), Silent(), Silent()
    for socket in (silent, talking, stalled):
        here.add(socket)
    stalled.stalled_at = 1000.0
    for seconds in range(1, 61):
        clock[0] = 1000.0 + seconds
        talking.heard_at = here.now
        here.look()
    assert silent.calls == ["ask", 1013]
    assert talking.calls == []
    assert stalled.calls == [1013]
    for socket in (silent, talking, stalled):
        here.discard(socket)
    assert len(here) == 0


async def test_a_crowd_that_came_at_one_moment_is_not_asked_at_one(here: Sockets) -> None:
    clock[0] = 0.0
    crowd = [Silent() for _ in range(1200)]
    for socket in crowd:
        here.add(socket)
    asked = []
    for seconds in range(30, 34):
        clock[0] = float(seconds)
        here.look()
        asked.append(sum(len(socket.calls) for socket in crowd))
    assert asked == [500, 1000, 1200, 1200]
    for socket in crowd:
        here.discard(socket)


async def test_nobody_is_asked_where_it_is_switched_off(here: Sockets, settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "PING_SECONDS": 0}
    clock[0] = 0.0
    socket = Silent()
    here.add(socket)
    clock[0] = 1e6
    here.look()
    assert socket.calls == []
    here.discard(socket)
