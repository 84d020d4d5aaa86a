"""The forest of list channels under the same scheduler: roots come and go between all the rest.

Clients show different sets of boards out of one anchor; items move between boards, boards nobody
claims are dropped, the cache is cleared, writers and servers die.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from rxgraph.cache import steps
from rxgraph.cache.reading import Reading
from rxgraph.delta import View, see_list
from rxgraph.sync.flush import ask_for_roots
from rxgraph.types import FOREST, ROOT_IDLE, ROOT_WANTED, AnchorKey, InstanceKey
from tests.simulation.database import TREE
from tests.sync.simulation import Actor, Client, World, simulate

SEEDS = int(os.environ.get("RXGRAPH_SIMULATIONS", "600")) // 2
FOREVER = 1e9


class ForestWorld(World):
    """Two boards, one forest."""

    tree = replace(TREE, many=True)
    key = AnchorKey("sim", FOREST)
    board_sets = (("1",), ("1", "2"), ("2",))


class ForestClient(Client):
    """A server that shows some boards of the forest."""

    def look(self) -> View:
        roots = [InstanceKey("Board", board) for board in self.boards]
        return see_list(self.world.tree, roots, self.documents, None)

    def stand(self, reading: Reading) -> None:
        super().stand(reading)
        self.world.store.claim_roots("sim", self.boards, self.world.clock, FOREVER)

    def show(self) -> None:
        if self.is_complete():
            super().show()

    def is_complete(self) -> bool:
        """True when all boards are there, so that there is something to show."""
        return all(InstanceKey("Board", board) in self.documents for board in self.boards)

    def _attach(self) -> Actor:
        yield from super()._attach()
        generation = self.generation
        if generation < 0:
            return
        world = self.world
        claimed = world.store.claim_roots("sim", self.boards, world.clock, FOREVER)
        assert not claimed
        asking = ask_for_roots(world.writer, world.key, ROOT_WANTED, self.boards)
        place = yield from world.drive(asking)
        if place is None or place.generation != generation:
            self.generation = -1
            return
        while self.position < place.seq:
            reading = yield from self._read(generation, self.position)
            if reading is not None and not isinstance(reading, Reading):
                self.generation = -1
                return
            if isinstance(reading, Reading) and reading.anchor.done > self.position:
                self.move(reading.documents, reading.anchor.done)
        if not self.is_complete():
            raise Missing(f"the batch {place} did not bring in {self.boards}")
        self.show()


class Missing(Exception):
    """A root that was asked for and exists is not there."""


def drop_boards(world: World) -> list[Actor]:
    """Ask for boards to be dropped, claimed or not."""

    def dropping() -> Actor:
        for _ in range(world.rng.randrange(1, 5)):
            for _ in range(world.rng.randrange(150)):
                yield
            asking = ask_for_roots(
                world.writer, world.key, ROOT_IDLE, [world.rng.choice(["1", "2"])]
            )
            yield from world.drive(asking)
            world.faults["asked to drop"] += 1

    return [dropping()]


def run(seed: int, world: World | None = None) -> Any:
    return simulate(
        seed,
        world=world or ForestWorld(seed),
        client_class=ForestClient,
        others=drop_boards,
    )


@pytest.mark.slow
def test_every_list_converges_and_shows_only_states_the_database_had() -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        verdict, world = run(seed)
        assert not verdict, f"seed {seed}: {verdict}"
        faults += world.faults
    for kind in ("flush killed", "pause past the lease", "wake-up lost", "asked to drop"):
        assert faults[kind] > SEEDS / 10, f"the runs hardly met {kind}: {faults}"


class DroppingWithoutLooking(ForestWorld):
    """A batch drops what it is asked to, whoever claims it."""

    def perform(self, step: steps.Step[Any]) -> Any:
        if isinstance(step, steps.FindIdleRoots):
            return step.roots
        return super().perform(step)


class WithoutIntents(ForestWorld):
    """Snapshots do not say which transactions they contain."""

    def perform(self, step: steps.Step[Any]) -> Any:
        answer = super().perform(step)
        return () if isinstance(step, steps.ReadIntents) else answer


@pytest.mark.parametrize("world_class", [DroppingWithoutLooking, WithoutIntents])
def test_a_broken_world_is_caught(world_class: type[World]) -> None:
    assert any(_is_caught(seed, world_class) for seed in range(150))


def _is_caught(seed: int, world_class: type[World]) -> bool:
    try:
        return bool(run(seed, world_class(seed))[0])
    except Missing:
        return True
