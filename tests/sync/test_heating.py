"""One heating: what it writes, names, tells and leaves behind, however it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache import steps
from rxgraph.cache.anchor import Pack
from rxgraph.cache.packing import Packing
from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading
from rxgraph.cache.signs import SIGN_KEY
from rxgraph.errors import BackendError
from rxgraph.sync.flush import Writer
from rxgraph.sync.heating import Warmth, heat
from tests.sync.simulation import KEY, LEASE_TICKS, ROOT, World


class Quiet(World):
    """A world in which nothing else happens; it remembers what was asked for and told."""

    def __init__(self, packing: Packing | None = None) -> None:
        super().__init__(0)
        self.loss = self.speed = 0.0
        self.packing = packing
        self.told: list[steps.Publish] = []
        self.asked: list[steps.Step[Any]] = []
        self.failing: type[steps.Step[Any]] | None = None
        self.store.perform(
            steps.SwapAnchor(KEY, replace(self.anchor, sessions=frozenset({"other"})))
        )

    @property
    def anchor(self) -> Any:
        return self.store.perform(steps.LoadAnchor(KEY))

    def perform(self, step: steps.Step[Any]) -> Any:
        self.asked.append(step)
        if self.failing is not None and isinstance(step, self.failing):
            raise BackendError("away")
        if isinstance(step, steps.Publish):
            self.told.append(step)
        return super().perform(step)

    def heat(self) -> Any:
        writer = Writer(lambda _: self.tree, self.new_owner, LEASE_TICKS, self.packing)
        found = steps.run(heat(writer, KEY), self.perform)
        while self.begun:
            self.begun.pop().end()
        return found

    def stored(self) -> int:
        found = self.store.perform(steps.ReadSince(KEY, self.anchor.generation, -1))
        return len([document for document in found if document.key != SIGN_KEY])


def test_all_is_written_before_readers_are_let_in_and_who_waits_is_woken() -> None:
    world = Quiet()
    found = world.heat()
    assert isinstance(found, Reading)
    assert len(found.documents) == world.stored() == len(world.tables.tree("1"))
    assert world.anchor.phase is Phase.HOT
    assert [(told.wakeup.seq, told.sessions) for told in world.told] == [(1, frozenset({"other"}))]
    filled = next(
        place
        for place, step in enumerate(world.asked)
        if isinstance(step, steps.SwapAnchor) and step.anchor.phase is Phase.HOT
    )
    writes = [n for n, step in enumerate(world.asked) if isinstance(step, steps.WriteDocuments)]
    assert writes
    assert max(writes) < filled


@pytest.mark.parametrize(("from_documents", "parts"), [(7, 3), (8, 3), (9, 0)])
def test_a_large_state_is_packed_as_it_is_written(from_documents: int, parts: int) -> None:
    world = Quiet(Packing(from_documents, per_part=10 if not parts else 3))
    world.tables.owners["o3"] = 0
    world.tables.items["i2"] = ("1", 0, "o3")
    found = world.heat()
    assert len(found.documents) == 8
    pack = world.anchor.pack
    if not parts:
        assert pack is None
        return
    assert pack == Pack(pack.name, 1, parts)
    packed = world.store.perform(steps.ReadPack(KEY, world.anchor.generation, pack))
    assert packed is not None
    assert {document.key: document for document in packed} == found.documents


def test_a_root_that_is_not_there_leaves_nothing_and_wakes_who_waits() -> None:
    world = Quiet()
    del world.tables.boards["1"]
    assert world.heat() is Warmth.MISSING
    assert world.anchor.phase is Phase.COLD
    assert [told.sessions for told in world.told] == [{"other"}]


@pytest.mark.parametrize("step", [steps.WriteDocuments, steps.WritePart, steps.ReadMore])
def test_what_fails_meanwhile_ends_the_heating_and_leaves_nothing(
    step: type[steps.Step[Any]],
) -> None:
    world = Quiet(Packing(1, 3))
    world.failing = step
    with pytest.raises(BackendError):
        world.heat()
    world.begun.clear()
    assert world.anchor.phase is Phase.COLD
    assert world.anchor.pack is None
    assert [told.sessions for told in world.told] == [{"other"}]
    world.failing = None
    assert isinstance(world.heat(), Reading)
    assert world.stored() == len(world.tables.tree("1"))


def test_the_lease_is_held_while_a_large_state_is_read() -> None:
    world = Quiet()
    original, leases = world.perform, []

    def slow(step: steps.Step[Any]) -> Any:
        if isinstance(step, steps.ReadMore):
            world.clock += LEASE_TICKS * 0.6
            leases.append(world.anchor.lease_until - world.clock)
        return original(step)

    world.perform = slow  # type: ignore[method-assign]
    for number in range(40):
        world.tables.items[f"x{number}"] = ("1", 0, None)
    assert isinstance(world.heat(), Reading)
    assert len(leases) > 5
    assert min(leases) > 0


def test_who_lost_the_lease_leaves_the_rest_to_the_other() -> None:
    world = Quiet()
    original = world.perform

    def paused(step: steps.Step[Any]) -> Any:
        if isinstance(step, steps.ReadMore) and world.anchor.seq == 1:
            world.clock += LEASE_TICKS * 2
            assert isinstance(world.heat(), Reading)
        return original(step)

    world.perform = paused  # type: ignore[method-assign]
    assert world.heat() is Warmth.WAIT
    assert world.anchor.phase is Phase.HOT
    assert world.anchor.seq == 2
    assert ROOT in {
        d.key for d in world.store.perform(steps.ReadSince(KEY, world.anchor.generation, -1))
    }
