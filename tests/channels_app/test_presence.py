"""Who looks at a board: contexts that tell each other, and notice who fell silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from channels_app.demo import presence as presence_module
from channels_app.demo.presence import BEAT_SECONDS, Presence


class Room:
    """A board's group: every event reaches all who are in it, in order."""

    def __init__(self) -> None:
        self.inside: list[Presence] = []
        self.shown: dict[Presence, list[list[str]]] = {}
        self.now = 0.0

    async def tell(self, event: dict[str, Any]) -> None:
        for one in list(self.inside):
            await (one.hear(event) if event["type"] == "presence.here" else one.miss(event))

    async def enter(self, user_id: str) -> Presence:
        shown: list[list[str]] = []

        async def show(users: list[str]) -> None:
            shown.append(users)

        one = Presence(user_id, self.tell, show, clock=lambda: self.now)
        self.inside.append(one)
        self.shown[one] = shown
        await one.enter()
        return one

    async def leave(self, one: Presence) -> None:
        self.inside.remove(one)
        await one.leave()


@pytest.fixture
async def room():
    room = Room()
    yield room
    for one in list(room.inside):
        await room.leave(one)


async def test_newcomers_and_those_who_are_there_see_each_other(room):
    ann = await room.enter("1")
    bob = await room.enter("2")
    assert room.shown[ann] == [["1"], ["1", "2"]]
    assert room.shown[bob] == [["2"], ["1", "2"]]


async def test_who_looks_twice_is_there_until_both_are_gone(room):
    ann = await room.enter("1")
    bob, again = await room.enter("2"), await room.enter("2")
    await room.leave(bob)
    assert room.shown[ann][-1] == ["1", "2"]
    await room.leave(again)
    assert room.shown[ann] == [["1"], ["1", "2"], ["1"]]


async def test_who_falls_silent_is_gone_after_three_beats(room, monkeypatch):
    monkeypatch.setattr(presence_module, "BEAT_SECONDS", 0.01)
    ann = await room.enter("1")
    bob = await room.enter("2")
    room.inside.remove(bob)  # its server was killed
    assert bob._beating is not None
    bob._beating.cancel()
    for _ in range(200):
        room.now += 0.005
        await asyncio.sleep(0.005)
        if room.shown[ann][-1] == ["1"]:
            break
    assert room.shown[ann] == [["1"], ["1", "2"], ["1"]]
    assert BEAT_SECONDS == 20.0


async def test_nothing_goes_on_after_leaving(room):
    ann = await room.enter("1")
    await room.leave(ann)
    await asyncio.sleep(0)
    assert "demo presence" not in [task.get_name() for task in asyncio.all_tasks()]
