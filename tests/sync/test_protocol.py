"""The protocol of the cache, driven through thousands of interleavings, and its rules, each broken.

``RXGRAPH_SIMULATIONS`` sets how many seeds are run (default 600).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache import anchor as decisions
from rxgraph.cache import steps
from rxgraph.cache.mirrors import Mirrors
from rxgraph.cache.signs import Lost
from rxgraph.sync.reconcile import Reconciliation
from rxgraph.types import RowKey
from tests.sync.simulation import Client, World, simulate

SEEDS = int(os.environ.get("RXGRAPH_SIMULATIONS", "600"))
PARTS = 4  # each far from the limit of one test, on a busy machine too


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_client_converges_and_shows_only_states_the_database_had(part: int) -> None:
    faults: Counter[str] = Counter()
    seeds = range(part, SEEDS, PARTS)
    for seed in seeds:
        verdict, world = simulate(seed)
        assert not verdict, f"seed {seed}: {verdict}"
        faults += world.faults
    kinds = ["writer killed", "flush killed", "packer killed", "pause past the lease"]
    kinds += ["wake-up lost", "no pack", "packed again"]
    kinds += ["left out of several", "documents remembered", "at a glance"]
    for kind in kinds:
        assert faults[kind] > len(seeds) / 20, f"the runs hardly met {kind}: {faults}"
    for kind in ("anchor known", "documents known", "list not read", "pack read"):
        assert faults[kind] > len(seeds) / 2, f"the runs hardly met {kind}: {faults}"


class WithoutIntents(World):
    """Snapshots do not say which transactions they contain."""

    def perform(self, step: steps.Step[Any]) -> Any:
        answer = super().perform(step)
        return () if isinstance(step, steps.ReadIntents) else answer


class WithoutSnapshot(World):
    """Rows are read as they are now, not as of one moment."""

    def perform(self, step: steps.Step[Any]) -> Any:
        if isinstance(step, steps.ReadRows | steps.ReadExisting):
            step = replace(step, snapshot=(self.tables, frozenset()))
        return super().perform(step)


class GlancingPastIntents(World):
    """A look at one row does not say which other transactions it contains."""

    def glance(self, rows: frozenset[RowKey]) -> Any:
        intents, self.intents = self.intents, {}
        found = super().glance(rows)
        self.intents = intents
        return found


class WithoutFence(World):
    """A late writer may overwrite what its successor wrote."""

    def perform(self, step: steps.Step[Any]) -> Any:
        if isinstance(step, steps.WriteDocuments):
            stored = self.store._generations[step.key].get(step.generation)
            for document in step.documents:
                if stored is not None and (old := stored.documents.get(document.key)):
                    stored.documents[document.key] = replace(old, version=-1)
        return super().perform(step)


class WithOverratedPacks(World):
    """A pack is taken for as new as what readers may show."""

    def perform(self, step: steps.Step[Any]) -> Any:
        answer = super().perform(step)
        if isinstance(step, steps.LoadAnchor) and answer.pack is not None:
            return replace(answer, pack=replace(answer.pack, number=answer.done))
        return answer


class WithHalfPacks(World):
    """A pack is read before all of it is written, or when some of it is gone."""

    def perform(self, step: steps.Step[Any]) -> Any:
        answer = super().perform(step)
        return answer[::2] if isinstance(step, steps.ReadPack) and answer else answer


class WithoutWaiting(World):
    """Nobody waits for what is written meanwhile, so it is named before it is there."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.speed = 0.01

    def perform(self, step: steps.Step[Any]) -> Any:
        return None if isinstance(step, steps.Await) else super().perform(step)


def _caught(seeds: Iterable[int], world_class: type[World] = World) -> bool:
    """True when some run of a broken protocol shows a wrong state."""
    return any(_is_wrong(world_class(seed)) for seed in seeds)


def _is_wrong(world: World) -> bool:
    try:
        return bool(simulate(0, world=world)[0])
    except Lost:  # a record that was HOT before its documents were there
        return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world_class", "seeds"),
    [
        (WithoutIntents, range(40)),
        (WithoutSnapshot, range(120)),
        (GlancingPastIntents, range(381, 800)),
        (WithoutFence, range(1080, 1500)),
        (WithOverratedPacks, range(40)),
        (WithHalfPacks, range(10)),
        (WithoutWaiting, range(40)),
    ],
)
def test_a_broken_world_is_caught(world_class: type[World], seeds: range) -> None:
    assert _caught(seeds, world_class)


def test_ignoring_the_previous_number_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def wake(self: Client, wakeup: steps.Wakeup) -> Any:
        if wakeup.documents is not None:
            wakeup = replace(wakeup, previous=self.position)
        yield from original(self, wakeup)

    original = Client._wake
    monkeypatch.setattr(Client, "_wake", wake)
    assert _caught(range(200))


def test_trusting_an_outdated_replica_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def peek(self: Mirrors, step: steps.Peek) -> Any:
        mirror = self._mirrors.get(step.key)
        return original(self, replace(step, number=mirror.position) if mirror else step)

    original = Mirrors.peek
    monkeypatch.setattr(Mirrors, "peek", peek)
    assert _caught(range(535, 900))


def test_trusting_outdated_memories_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def peek(self: Mirrors, step: steps.Peek) -> Any:
        part = self._parts.get(step.key)
        return original(self, replace(step, number=part.position) if part else step)

    original = Mirrors._peek_part
    monkeypatch.setattr(Mirrors, "_peek_part", peek)
    assert _caught(range(150, 500))


def test_publishing_a_part_of_what_was_pushed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_again(anchor: Any, owner: str, seq: int, lease: Any, now: float) -> Any:
        return decisions.finish(anchor, owner, seq, now)

    monkeypatch.setattr(decisions, "take_again", take_again)
    assert _caught(range(20, 300))


def test_not_reading_a_list_whose_rows_changed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def unmoved(self: Reconciliation, touched: Any, own: Any) -> Any:
        return (yield from original(self, touched, frozenset()))

    original = Reconciliation._unmoved_lists
    monkeypatch.setattr(Reconciliation, "_unmoved_lists", unmoved)
    assert _caught(range(40))


def test_not_looking_again_at_entering_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(*args: Any, again: frozenset[RowKey], **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    original = decisions.finish
    monkeypatch.setattr(decisions, "finish", finish)
    assert _caught(range(196, 600))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forgotten", "seeds"),
    [({"writing": frozenset()}, range(200)), ({"taken": frozenset()}, range(40))],
    ids=["writing", "taken"],
)
def test_forgetting_what_was_begun_is_caught(
    monkeypatch: pytest.MonkeyPatch, forgotten: dict[str, Any], seeds: range
) -> None:
    def take(anchor: decisions.Anchor, *args: Any, **kwargs: Any) -> Any:
        return original(replace(anchor, **forgotten), *args, **kwargs)

    original = decisions._take
    monkeypatch.setattr(decisions, "_take", take)
    assert _caught(seeds)
