"""Who loses access is told so at once, and nothing else from that moment on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from rxgraph.errors import Unauthenticated
from rxgraph.serve import auth as auth_module
from rxgraph.serve.auth import Credentials, Identity, Verified
from rxgraph.serve.broadcasts import Broadcasts
from rxgraph.serve.signals import Signals
from rxgraph.sync.broadcasting import REVOKE
from rxgraph.sync.signals import Signal
from rxgraph.types import EVERYBODY
from tests.serve.shop import ANN, BOB, COMPILED, Hooks, Shop, User, hooks, is_silent, take, track


@pytest.fixture(autouse=True)
def _fresh_hooks() -> Iterator[None]:
    vars(hooks).update(vars(Hooks()))
    yield
    vars(hooks).update(vars(Hooks()))


class Door:
    """Who the credentials of this test name, and how long finding out takes."""

    def __init__(self) -> None:
        self.asked = 0
        self.users: dict[int, User] = {1: ANN, 2: BOB}
        self.hold = asyncio.Event()
        self.hold.set()

    async def verify(self, credentials: Credentials) -> Any:
        self.asked += 1
        await self.hold.wait()
        found = self.users.get(int(credentials.params["user"]))
        if found is None:
            raise Unauthenticated("Invalid token.")
        return Verified(found)

    def identity(self, user: User) -> Identity:
        return Identity(user, Credentials(params={"user": user.pk}))


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    made = Door()
    monkeypatch.setattr(auth_module, "verify", made.verify)
    return made


class Office:
    """A shop where access can be revoked."""

    def __init__(self) -> None:
        self.shop = Shop(reauth_seconds=600)
        self._signals = Signals("process")
        Broadcasts(self.shop.hub.contexts, self._signals)

    def revoke(self, user: User, anchor: str | None = None, name: str = COMPILED.name) -> None:
        body = {"user": str(user.pk), "anchors": {name: anchor}}
        self._signals.deliver(Signal(EVERYBODY, REVOKE, body))


async def test_who_may_no_longer_watch_is_told_and_nothing_that_came_meanwhile(door: Door):
    office = Office()
    results = await office.shop.stream(identity=door.identity(ANN))
    await take(results)
    waiting = asyncio.create_task(anext(results))
    await asyncio.sleep(0)
    door.hold.clear()
    hooks.permission = False
    office.revoke(ANN)
    await asyncio.sleep(0.02)
    assert door.asked == 1
    office.shop.hub.change(track(0, 11, "a secret"))  # while it is being asked
    await asyncio.sleep(0.02)
    assert not waiting.done()
    door.hold.set()
    result = await waiting
    event = result.data["shelf"]
    assert (event["kind"], event["resetReason"]) == ("RESET", "PERMISSION_CHANGED")
    emptied = await take(results)
    assert emptied["channel"]["state"] is None
    last = await anext(results)
    assert last.errors[0].extensions["code"] == "FORBIDDEN"
    assert "a secret" not in json.dumps([event, emptied])
    assert len(office.shop.hub.contexts) == 0


async def test_what_waited_already_is_not_told_either(door: Door):
    office = Office()
    results = await office.shop.stream(identity=door.identity(ANN))
    await take(results)
    office.shop.hub.change(track(0, 11, "a secret"))
    hooks.permission = False
    office.revoke(ANN)
    assert (await take(results))["kind"] == "RESET"
    await results.aclose()


async def test_what_waited_is_told_after_the_answer_was_yes(door: Door):
    office = Office()
    results = await office.shop.stream(identity=door.identity(ANN))
    await take(results)
    office.shop.hub.change(track(0, 11, "for her"))
    office.revoke(ANN)
    office.shop.hub.change(track(0, 12, "for her too"))
    titles = [(await take(results))["changed"]["tracks"][0]["title"] for _ in range(2)]
    assert titles == ["for her", "for her too"]
    assert hooks.calls.count(("has_permission", 1, 7)) == 2
    await results.aclose()


async def test_a_revoke_while_a_context_opens_is_heard(door: Door):
    office = Office()
    opened = asyncio.Event()

    async def connect(context: Any) -> None:
        hooks.permission = False
        office.revoke(ANN)
        opened.set()

    hooks.connect = connect
    results = await office.shop.stream(identity=door.identity(ANN))
    result = await anext(results)
    assert opened.is_set()
    assert result.data is None
    assert result.errors[0].extensions["code"] == "FORBIDDEN"


async def test_a_revoke_between_two_first_events_is_heard(door: Door):
    office = Office()
    results = await office.shop.stream(identity=door.identity(ANN))
    cursor = (await take(results))["cursor"]
    await results.aclose()
    office.shop.hub.replica.generation += 1
    results = await office.shop.stream(identity=door.identity(ANN), after=cursor)
    assert (await take(results))["resetReason"] == "CURSOR_EXPIRED"
    hooks.permission = False
    office.revoke(ANN)
    result = await anext(results)
    assert result.errors[0].extensions["code"] == "FORBIDDEN"


async def test_a_restart_that_is_cut_short_names_nothing_of_the_new_state(door: Door):
    office = Office()
    results = await office.shop.stream(identity=door.identity(ANN))
    await take(results)
    office.shop.hub.replica.state = {
        **office.shop.hub.replica.state,
        track(777).key: track(777, 11, "a secret"),
    }
    office.shop.hub.restart()
    assert (await take(results))["resetReason"] == "CACHE_CLEARED"
    hooks.permission = False
    office.revoke(ANN)
    events = [await take(results), await take(results)]
    assert events[0]["resetReason"] == "PERMISSION_CHANGED"
    assert "777" not in json.dumps([event["removed"] for event in events])
    assert "a secret" not in json.dumps(events)
    await results.aclose()


async def test_only_this_user_this_channel_and_this_anchor_are_asked_again(door: Door):
    office = Office()
    ann = await office.shop.stream(identity=door.identity(ANN))
    bob = await office.shop.stream(identity=door.identity(BOB))
    for results in (ann, bob):
        await take(results)
    hooks.calls.clear()
    office.revoke(User(3))
    office.revoke(ANN, name="another.Channel")
    office.revoke(ANN, anchor="8")
    assert await is_silent(ann)
    assert hooks.calls == [("on_disconnect",)]
    hooks.calls.clear()
    hooks.permission = False
    office.revoke(BOB, anchor="7")
    assert (await take(bob))["kind"] == "RESET"
    await bob.aclose()


async def test_credentials_are_asked_once_for_all_contexts_of_a_connection(door: Door):
    office = Office()
    identity = door.identity(ANN)
    streams = [await office.shop.stream(identity=identity) for _ in range(5)]
    for results in streams:
        await take(results)
    waiting = [asyncio.create_task(anext(results)) for results in streams]
    await asyncio.sleep(0.01)
    office.revoke(ANN)
    await asyncio.sleep(0.05)
    assert door.asked == 1
    door.users.clear()
    office.revoke(ANN)
    for task in waiting:
        assert (await task).data["shelf"]["resetReason"] == "PERMISSION_CHANGED"
    for results in streams:
        await results.aclose()


async def test_an_answer_that_was_on_its_way_when_access_ended_does_not_count(door: Door):
    office = Office()
    identity = door.identity(ANN)
    results = await office.shop.stream(identity=identity)
    await take(results)
    waiting = asyncio.create_task(anext(results))
    await asyncio.sleep(0.01)
    door.hold.clear()
    office.revoke(ANN)
    await asyncio.sleep(0.01)
    assert door.asked == 1  # this one reads that all is well
    office.revoke(ANN)
    door.hold.set()
    await asyncio.sleep(0.01)
    assert door.asked == 2
    waiting.cancel()


async def test_after_a_revoke_nothing_opens_on_old_credentials(door: Door):
    office = Office()
    identity = door.identity(ANN)
    await asyncio.sleep(0.01)
    door.users.clear()
    office.revoke(ANN)
    results = await office.shop.stream(identity=identity)
    result = await anext(results)
    assert result.errors[0].extensions["code"] == "UNAUTHENTICATED"
