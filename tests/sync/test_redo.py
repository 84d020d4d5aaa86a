"""A batch that is done again finds its own unfinished documents in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.steps import OpenSnapshot, Procedure, Step
from rxgraph.sync.flush import flush
from rxgraph.sync.heating import heat
from rxgraph.types import InstanceKey
from tests.simulation.database import row_key
from tests.sync.simulation import World


def run(world: World, procedure: Procedure[Any], before: Callable[[Step[Any]], None]) -> Any:
    """Run *procedure* to its end; *before* is called with each step that comes."""
    try:
        step = next(procedure)
        while True:
            before(step)
            step = procedure.send(world.perform(step))
    except StopIteration as end:
        return end.value


def alone(step: Step[Any]) -> None:
    """Let nothing happen in between."""


def test_a_child_that_moved_while_a_batch_began_is_listed_once() -> None:
    world = World(0)
    world.loss = 0.0
    run(world, heat(world.writer, world.key, world.writer.lease()), alone)
    has_moved = False

    def move_meanwhile(step: Step[Any]) -> None:
        nonlocal has_moved
        if not has_moved and isinstance(step, OpenSnapshot):
            # Committed, pushed and forgotten by its writer, who leaves the work to the holder.
            has_moved = True
            world.tables.parts["p0"] = ("i1", world.value())
            moved = frozenset({row_key("Part", "p0")})
            number = world.commit(set(moved))
            run(world, flush(world.writer, moved), alone)
            del world.intents[number]

    for item in ("i1", "i2"):  # two rows, so that the batch opens a snapshot
        board, _, owner = world.tables.items[item]
        world.tables.items[item] = (board, world.value(), owner)
    changed = frozenset({row_key("Item", "i1"), row_key("Item", "i2")})
    world.commit(set(changed))
    run(world, flush(world.writer, changed), move_meanwhile)
    assert has_moved
    reading = run(world, read_documents(world.key, generation=None, since=0), alone)
    assert isinstance(reading, Reading)
    assert reading.documents[InstanceKey("Item", "i1")].data["parts"] == ["p0", "p1"]
    assert reading.documents[InstanceKey("Item", "i0")].data["parts"] == []
