"""Calls between processes whose signals get lost, come twice or late."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rxgraph.actions import action
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import registry
from rxgraph.serve import actions as module
from rxgraph.serve.actions import ANSWER, FIND, FOUND, RUN, Actions
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.contexts import Contexts
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.signals import Signals
from rxgraph.serve.stream import LiveStream
from rxgraph.settings import RxGraphSettings
from rxgraph.sync.signals import Signal, decode_signal, encode_signal
from tests.serve.shop import ANN, BOB, AlbumSerializer, FakeHub, User

permission = {"is_given": True}

with registry.isolated():

    class RackChannel(ContextChannel):
        class Meta:
            state = AlbumSerializer()

        runs = 0

        @staticmethod
        def has_permission(user: Any, album_id: int) -> bool:
            return permission["is_given"]

        @action
        async def run(self, text: str = "") -> str:
            self.runs += 1
            return f"{self.user.pk} {text}"

        @action
        async def never(self) -> None:
            await asyncio.sleep(60)


COMPILED = compile_channel(RackChannel)
SPECS = {spec.method: spec for spec in COMPILED.actions}
SETTINGS = RxGraphSettings(action_seconds=0.3)


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    permission["is_given"] = True
    yield
    permission["is_given"] = True


@dataclass
class Process:
    """One process of a network."""

    name: str
    contexts: Contexts
    signals: Signals
    actions: Actions


class Network:
    """Processes whose signals pass through ``lose``, as text; True loses one."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.sent: list[str] = []
        self.lose: Callable[[Signal], bool] = lambda signal: False
        self.copies = 1

    def process(self, name: str) -> Process:
        contexts, signals = Contexts(name), Signals(name)
        actions = Actions(name, contexts, signals, self.publish, SETTINGS, find_seconds=0.05)
        made = Process(name, contexts, signals, actions)
        self.processes.append(made)
        return made

    def publish(self, signal: Signal) -> None:
        self.sent.append(signal.kind)
        if self.lose(signal):
            return
        told = decode_signal(encode_signal(signal))
        assert told is not None
        for process in self.processes:
            for _ in range(self.copies):
                asyncio.get_running_loop().call_soon(process.signals.deliver, told)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    made = Network()
    yield made
    for process in made.processes:
        for stream in process.contexts:
            await stream.close()
        await process.signals.close()


async def live(process: Process, user: User = ANN) -> LiveStream:
    """Open a live context in a process."""
    hub = FakeHub()
    hub.contexts = process.contexts
    stream = LiveStream(
        COMPILED,
        Identity(user, Credentials()),
        {"album_id": 7},
        hub=hub,  # type: ignore[arg-type]
        settings=SETTINGS,
        scope=OperationScope(),
    )
    await stream.open(None)
    return stream


async def call(
    process: Process, session: str, method: str = "run", user: User = ANN, **arguments: Any
) -> Any:
    return await process.actions.call(COMPILED, SPECS[method], session, str(user.pk), arguments)


def code_of(answer: Any) -> str:
    return str(answer["error"]["extensions"]["code"])


async def test_here_nothing_is_sent(network: Network) -> None:
    here = network.process("here")
    stream = await live(here)
    assert await call(here, stream.session, text="x") == {"value": "1 x"}
    assert network.sent == []


async def test_there_it_is_asked_and_told_once(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    network.copies = 2  # as where two ways lead to one process
    assert await call(here, stream.session, text="é") == {"value": "1 é"}
    assert network.sent == [FIND, FOUND, RUN, ANSWER]
    assert stream.context.runs == 1  # type: ignore[attr-defined]


async def test_a_lost_question_is_asked_again(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    lost = iter([True, True])
    network.lose = lambda signal: signal.kind == FIND and next(lost, False)
    assert await call(here, stream.session) == {"value": "1 "}
    assert network.sent.count(FIND) == 3


@pytest.mark.parametrize("kind", [FIND, FOUND])
async def test_who_is_not_heard_of_has_done_nothing(network: Network, kind: str) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    network.lose = lambda signal: signal.kind == kind
    assert code_of(await call(here, stream.session)) == "NOT_FOUND"
    await asyncio.sleep(0.05)
    assert stream.context.runs == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [RUN, ANSWER])
async def test_a_lost_order_or_answer_is_an_outcome_that_nobody_knows(
    network: Network, kind: str
) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    network.lose = lambda signal: signal.kind == kind
    answer = await call(here, stream.session)
    assert code_of(answer) == "INTERNAL"
    assert "whether it was done is unknown" in answer["error"]["message"]


async def test_a_part_that_is_lost_runs_nothing(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    network.lose = lambda signal: signal.kind == RUN and signal.body["part"] == 1
    answer = await call(here, stream.session, text="x" * 200_000)
    assert code_of(answer) == "INTERNAL"
    assert stream.context.runs == 0  # type: ignore[attr-defined]


async def test_one_that_takes_too_long_is_told_by_who_runs_it(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    answer = await call(here, stream.session, "never")
    assert "was stopped" in answer["error"]["message"]


async def test_a_context_that_ends_between_question_and_order_is_not_found(
    network: Network,
) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)

    def end(signal: Signal) -> bool:
        if signal.kind == RUN:
            there.contexts.discard(stream)
        return False

    network.lose = end
    assert code_of(await call(here, stream.session)) == "NOT_FOUND"
    await stream.close()


async def test_only_its_user_and_its_channel(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    for holder in (here, there):
        stream = await live(holder)
        words = set()
        for session, user in (
            (stream.session, BOB),
            (f"{holder.name}.{'0' * 32}", ANN),
            (f"nowhere.{'0' * 32}", ANN),
        ):
            answer = await call(here, session, user=user)
            assert code_of(answer) == "NOT_FOUND"
            words.add(answer["error"]["message"].replace(session, ""))
        other = dataclasses.replace(COMPILED, channel=type("Other", (), {"name": "other"}))
        answer = await here.actions.call(other, SPECS["run"], stream.session, "1", {})
        words.add(answer["error"]["message"].replace(stream.session, ""))
        assert len(words) == 1
        assert stream.context.runs == 0  # type: ignore[attr-defined]


async def test_one_that_is_still_opening_or_closing_is_not_found(network: Network) -> None:
    here = network.process("here")
    stream = await live(here)
    stream._early = []
    assert code_of(await call(here, stream.session)) == "NOT_FOUND"
    stream._early = None
    assert await call(here, stream.session) == {"value": "1 "}
    closing = asyncio.create_task(stream.close())
    await asyncio.sleep(0)
    assert code_of(await call(here, stream.session)) == "NOT_FOUND"
    await closing


async def test_who_lost_permission_acts_no_more(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    permission["is_given"] = False
    for process in (here, there):
        assert code_of(await call(process, stream.session)) == "FORBIDDEN"
    assert stream.context.runs == 0  # type: ignore[attr-defined]
    assert stream._doubted_at is not None  # and the stream looks for itself


async def test_a_session_that_cannot_be_one_is_asked_of_nobody(network: Network) -> None:
    here = network.process("here")
    for session in ("", "x", "a b.c", "ü.1", "x" * 99 + ".1", "\ud800.1"):
        assert code_of(await call(here, session)) == "NOT_FOUND"
    assert network.sent == []


async def test_an_action_that_the_other_process_does_not_know_is_not_found(
    network: Network,
) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    newer = dataclasses.replace(SPECS["run"], method="newer")
    answer = await here.actions.call(COMPILED, newer, stream.session, "1", {})
    assert code_of(answer) == "NOT_FOUND"


async def test_nothing_is_left_behind(network: Network) -> None:
    here, there = network.process("here"), network.process("there")
    stream = await live(there)
    await asyncio.gather(*(call(here, stream.session, text=str(n)) for n in range(20)))
    await call(here, stream.session, "never")
    for process in (here, there):
        assert process.actions._waiting == {}
        assert len(process.actions._parcels) == 0
        assert not process.signals._tasks
