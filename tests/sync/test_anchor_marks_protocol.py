"""``optimize_anchors`` under the scheduler: marks decide who is told, and nobody misses anything.

The real heating and flushing run against a simulated column that can be locked, and janitors that
lock it, look, and unmark; any of them is paused or killed anywhere. Each rule is also broken.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache import steps
from rxgraph.cache.phases import Phase
from rxgraph.sync.flush import Writer
from tests.sync.simulation import KEY, LEASE_TICKS, TREE, Actor, World, _mortal, simulate

SEEDS = int(os.environ.get("RXGRAPH_SIMULATIONS", "600")) // 2

MARKED_TREE = replace(TREE, anchor_mark="mark")


class MarkedWorld(World):
    """The root's row has a mark, and a lock as rows have."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.is_marked = False
        self.is_locked = False

    @property
    def writer(self) -> Writer:
        return Writer(lambda _: MARKED_TREE, self.new_owner, LEASE_TICKS)

    def perform(self, step: steps.Step[Any]) -> Any:
        match step:
            case steps.MarkAnchors():
                self.is_marked = True
                return None
            case steps.Locate() if not self.is_marked:
                self.faults["gone home without asking"] += 1
                return {}
        return super().perform(step)

    def drive(self, procedure: steps.Procedure[Any]) -> Actor:
        return super().drive(self._waiting(procedure))

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

    def others(self) -> list[Actor]:
        return [self.tidy(6), self.tidy(6)]

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


def test_with_marks_every_client_converges_and_shows_only_states_the_database_had() -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        verdict, world = simulate(seed, world=MarkedWorld(seed))
        assert not verdict, f"seed {seed}: {verdict}"
        faults += world.faults
    for kind in ("gone home without asking", "waited for the lock", "unmarked", "janitor killed"):
        assert faults[kind] > SEEDS / 20, f"the runs hardly met {kind}: {faults}"


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
                answer = yield step
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
                step = procedure.send((yield step))
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("world_class", [WithoutLock, MarkedTooLate, MarkedBeforeOpening])
def test_a_broken_rule_is_caught(world_class: type[MarkedWorld]) -> None:
    verdicts = (simulate(seed, world=world_class(seed))[0] for seed in range(300))
    assert any(verdict.diverged or verdict.unreal or verdict.went_back for verdict in verdicts)
