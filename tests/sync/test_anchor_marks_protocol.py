"""``optimize_anchors`` under the scheduler: marks decide who is told, and nobody misses anything.

The real heating and flushing run against a simulated column that can be locked, and janitors that
lock it, look, and unmark; any of them is paused or killed anywhere. Each rule is also broken.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache import steps
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.types import ROOT_WANTED, InstanceKey, RowKey, roots_named
from tests.simulation.database import TREE
from tests.sync.simulation import KEY, Actor, Verdict, World, _mortal, simulate
from tests.sync.test_forest_protocol import ForestClient, ForestWorld, drop_boards

SEEDS = int(os.environ.get("RXGRAPH_SIMULATIONS", "600")) // 2


class MarkedWorld(World):
    """The root's row has a mark, and a lock as rows have."""

    tree = replace(TREE, anchor_mark="mark")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.is_marked = False
        self.is_locked = False

    def perform(self, step: steps.Step[Any]) -> Any:
        match step:
            case steps.MarkAnchors():
                self.is_marked = True
                return None
            case steps.Locate() if not self.is_marked:
                self.faults["gone home without asking"] += 1
                return {}
        return super().perform(step)

    def drive(
        self, procedure: steps.Procedure[Any], offer: Callable[[Reading], None] | None = None
    ) -> Actor:
        return super().drive(self._waiting(procedure), offer)

    def _waiting(self, procedure: steps.Procedure[Any]) -> steps.Procedure[Any]:
        """Let a step that writes the mark wait for whoever has locked it."""
        try:
            step = next(procedure)
            while True:
                while isinstance(step, steps.MarkAnchors) and self.is_locked:
                    self.faults["waited for the lock"] += 1
                    yield steps.Now()
                try:
                    answer = yield step
                except GeneratorExit:
                    raise
                except Exception as error:  # noqa: BLE001
                    step = procedure.throw(error)
                else:
                    step = procedure.send(answer)
        except StopIteration as end:
            return end.value

    def tidy(self, times: int) -> Actor:
        """Look for what is COLD and marked, now and then."""
        for _ in range(times):
            for _ in range(self.rng.randrange(300)):
                yield
            cleaning = self.clean()
            yield from _mortal(self, cleaning, "janitor killed", 0.02)
            cleaning.close()  # the end of its connection ends its lock

    def clean(self) -> Generator[None, None, None]:
        """Lock the row, look at the record, unmark, commit: any time may pass in between."""
        while self.is_locked:
            yield
        self.is_locked = True
        try:
            yield
            record = self.perform(steps.LoadAnchor(KEY))
            yield
            if record.phase is Phase.COLD:
                yield
                self.faults["unmarked"] += self.is_marked
                self.is_marked = False
        finally:
            self.is_locked = False


def run(world: MarkedWorld) -> tuple[Verdict, World]:
    """Simulate *world* with two janitors."""
    return simulate(0, world=world, others=lambda _: [world.tidy(6), world.tidy(6)])


@pytest.mark.slow
def test_with_marks_every_client_converges_and_shows_only_states_the_database_had() -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        verdict, world = run(MarkedWorld(seed))
        assert not verdict, f"seed {seed}: {verdict}"
        faults += world.faults
    for kind in ("gone home without asking", "waited for the lock", "janitor killed"):
        assert faults[kind] > SEEDS / 20, f"the runs hardly met {kind}: {faults}"
    assert faults["unmarked"] > SEEDS / 40, f"the runs hardly met an anchor to unmark: {faults}"


class WithoutLock(MarkedWorld):
    """A janitor looks at the record, and unmarks some time later."""

    def clean(self) -> Generator[None, None, None]:
        record = self.perform(steps.LoadAnchor(KEY))
        for _ in range(self.rng.randrange(60)):
            yield
        if record.phase is Phase.COLD:
            self.is_marked = False


class MarkedTooLate(MarkedWorld):
    """A heater opens its snapshot, and marks afterwards."""

    def _waiting(self, procedure: steps.Procedure[Any]) -> steps.Procedure[Any]:
        late: list[steps.Step[Any]] = []
        try:
            step = next(procedure)
            while True:
                if isinstance(step, steps.MarkAnchors):
                    late.append(step)
                    step = procedure.send(None)
                    continue
                try:
                    answer = yield step
                except steps.Beyond as beyond:
                    step = procedure.throw(beyond)
                    continue
                if isinstance(step, steps.WriteDocuments) and late:
                    yield late.pop()
                step = procedure.send(answer)
        except StopIteration as end:
            return end.value


class MarkedBeforeOpening(MarkedWorld):
    """A heater marks first, and opens the record afterwards: a janitor finds it COLD still."""

    def _waiting(self, procedure: steps.Procedure[Any]) -> steps.Procedure[Any]:
        is_marked = False
        try:
            step = next(procedure)
            while True:
                opens = isinstance(step, steps.SwapAnchor) and step.anchor.phase is Phase.HEATING
                if opens and not is_marked:
                    is_marked = True
                    yield steps.MarkAnchors(KEY.channel, (KEY.anchor_id,))
                    for _ in range(self.rng.randrange(30)):
                        yield steps.Now()
                if isinstance(step, steps.MarkAnchors):
                    step = procedure.send(None)
                    continue
                try:
                    answer = yield step
                except steps.Beyond as beyond:
                    step = procedure.throw(beyond)
                else:
                    step = procedure.send(answer)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize(
    ("world_class", "seeds"),
    [
        (WithoutLock, range(335, 700)),
        (MarkedTooLate, range(200)),
        (MarkedBeforeOpening, range(25, 300)),
    ],
)
def test_a_broken_rule_is_caught(world_class: type[MarkedWorld], seeds: range) -> None:
    verdicts = (run(world_class(seed))[0] for seed in seeds)
    assert any(verdict.diverged or verdict.unreal or verdict.went_back for verdict in verdicts)


# -- list channels: one forest, a mark on each root


class MarkedForestWorld(ForestWorld, MarkedWorld):
    """Two boards, one forest; each board's row has a mark."""

    tree = replace(TREE, many=True, anchor_mark="mark")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.marks: set[str] = set()

    def perform(self, step: steps.Step[Any]) -> Any:
        match step:
            case steps.MarkAnchors(ids=ids):
                self.marks |= set(ids)
                return None
            case steps.Locate(rows=rows) if not self._may_be_cached(rows):
                self.faults["gone home without asking"] += 1
                return {}
        return World.perform(self, step)

    def _may_be_cached(self, rows: frozenset[RowKey]) -> bool:
        boards = {row.pk for row in rows if row.model == "sim.board"}
        is_below = any(row.model.startswith("sim.") and row.model != "sim.board" for row in rows)
        is_asked = any(row.model == ROOT_WANTED for row in rows)
        return is_asked or bool(boards & self.marks) or (is_below and bool(self.marks))

    def clean(self) -> Generator[None, None, None]:
        while self.is_locked:
            yield
        self.is_locked = True
        try:
            yield
            record = self.perform(steps.LoadAnchor(self.key))
            yield
            named = roots_named(ROOT_WANTED, "sim", record.pending | record.taken)
            wanted = frozenset(InstanceKey("Board", board) for board in ("1", "2"))
            reading = steps.ReadDocuments(self.key, record.generation, wanted)
            found = self.perform(reading)
            yield
            live = named | {key.id for key, document in found.items() if document.is_live}
            live = set() if record.phase is Phase.COLD else live
            self.faults["unmarked"] += len(self.marks - live)
            self.marks &= live
        finally:
            self.is_locked = False


def run_forest(world: MarkedForestWorld) -> tuple[Verdict, World]:
    """Simulate *world* with two janitors, and servers that drop what nobody claims."""

    def others(_: World) -> list[Actor]:
        return [world.tidy(6), world.tidy(6), *drop_boards(world)]

    return simulate(0, world=world, client_class=ForestClient, others=others)


@pytest.mark.slow
def test_with_marks_on_its_roots_every_client_of_a_forest_converges() -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        verdict, world = run_forest(MarkedForestWorld(seed))
        assert not verdict, f"seed {seed}: {verdict}"
        faults += world.faults
    for kind in ("gone home without asking", "waited for the lock", "janitor killed"):
        assert faults[kind] > SEEDS / 40, f"the runs hardly met {kind}: {faults}"


class MarkedByNobody(MarkedForestWorld):
    """A batch brings a root in without marking it."""

    def perform(self, step: steps.Step[Any]) -> Any:
        return None if isinstance(step, steps.MarkAnchors) else super().perform(step)


class WithoutLookingForRequests(MarkedForestWorld):
    """A janitor looks for documents alone."""

    def clean(self) -> Generator[None, None, None]:
        record = self.perform(steps.LoadAnchor(self.key))
        wanted = frozenset(InstanceKey("Board", board) for board in ("1", "2"))
        found = self.perform(steps.ReadDocuments(self.key, record.generation, wanted))
        self.marks &= {key.id for key, document in found.items() if document.is_live}
        yield


@pytest.mark.parametrize(
    ("world_class", "seeds"),
    [(MarkedByNobody, range(300)), (WithoutLookingForRequests, range(205, 700))],
)
def test_a_broken_rule_of_forests_is_caught(
    world_class: type[MarkedForestWorld], seeds: range
) -> None:
    verdicts = (run_forest(world_class(seed))[0] for seed in seeds)
    assert any(verdict.diverged or verdict.unreal or verdict.went_back for verdict in verdicts)
