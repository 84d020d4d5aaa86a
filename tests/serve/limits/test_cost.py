"""What answers cost, beside what they turn out to be."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, parse

from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.documents import Known, documents_of, read
from rxgraph.serve.limits.census import take_census
from rxgraph.serve.limits.cost import Bill, Biller, unknown
from rxgraph.serve.limits.first_state import census_of
from rxgraph.settings import get_settings
from tests.serve.shop import (
    ANN,
    BOB,
    HIS,
    MINE,
    TREE,
    FakeHub,
    Shop,
    album,
    memo,
    track,
)

SCHEMA = build_schema("""
    type Query { board: Board  boards: [Board!]! }
    type Board { id: ID!  owner: User  tasks: [Task!]! }
    type Task { id: ID!  title: String  comments: [Comment!] }
    type Comment { id: ID! }
    type User { id: ID! }
""")


def bill_of(text: str) -> Bill:
    document = parse(text)
    operation: Any = document.definitions[0]
    fragments: Any = {one.name.value: one for one in document.definitions[1:]}  # type: ignore[attr-defined]
    return Biller(SCHEMA, fragments).selections(SCHEMA.query_type, operation.selection_set)


def test_a_cost_is_fields_times_lengths() -> None:
    bill = bill_of("{ board { id owner { id } tasks { id title comments { id } } } }")
    lengths = {("Board", "tasks"): 7.0, ("Task", "comments"): 3.0}
    # board, id, owner, its id, tasks; then for each task three fields and its comments.
    assert bill.cost(lambda *place: lengths[place], 0) == 5 + 7 * (3 + 3 * 1)
    assert bill.cost(unknown, 10) == 5 + 10 * (3 + 10)


def test_fragments_cost_what_they_hold_wherever_they_are_used() -> None:
    text = "{ a: boards { ...B } b: board { ...B } } fragment B on Board { id tasks { id } }"
    assert bill_of(text).cost(unknown, 4) == (1 + 4 * (2 + 4)) + (1 + 2 + 4)


def test_doubling_fragments_are_billed_at_once() -> None:
    links = "".join(
        f"fragment F{n} on Query {{ ... on Query {{ ...F{n + 1} }} ...F{n + 1} }}"
        for n in range(90)
    )
    text = f"{{ ...F0 }} {links} fragment F90 on Query {{ board {{ id }} }}"
    assert bill_of(text).cost(unknown, 10) == 2.0**91


def fields_in(value: Any) -> int:
    """Return how many fields an answer has."""
    if isinstance(value, list):
        return sum(map(fields_in, value))
    if not isinstance(value, dict):
        return 0
    return len(value) + sum(map(fields_in, value.values()))


def shelf_with(tracks: int) -> FakeHub:
    """Return a hub whose album has so many tracks."""
    documents = [album(tracks=tracks), memo(MINE, ANN), memo(HIS, BOB)]
    documents += [track(number) for number in range(tracks)]
    return FakeHub({document.key: document for document in documents})


async def answer(shop: Shop, text: str) -> Any:
    """Return the result of an operation of Ann's."""
    context = {"identity": Identity(ANN, Credentials())}
    return await shop.schema.execute(text, context_value=context)


@pytest.mark.parametrize("tracks", [0, 1, 40, 400])
async def test_the_cost_of_a_known_state_is_the_number_of_fields_of_its_answer(
    tracks: int,
) -> None:
    text = "{ shelf(albumId: 7) { id state { id title tracks { id title } memos { id } } } }"
    result = await answer(Shop(shelf_with(tracks)), text)
    size = fields_in(result.data) + 1  # half of the two memos is hers, of which the mean is told
    assert not (await answer(Shop(shelf_with(tracks), operation_cost=size), text)).errors
    (error,) = (await answer(Shop(shelf_with(tracks), operation_cost=size - 1), text)).errors
    assert error.message == f"Cost of shelf: {size:,} found, {size - 1:,} allowed"
    assert error.extensions == {
        "code": "BAD_REQUEST",
        "status": 413,
        "found": size,
        "allowed": size - 1,
    }


async def test_a_first_event_costs_what_its_lists_hold() -> None:
    shop = Shop(shelf_with(200), operation_cost=1000)
    (result,) = [item async for item in await shop.stream()]
    assert result.errors[0].message.startswith("Cost of shelf: 1,")
    assert shop.hub.receivers == []


async def test_large_first_states_are_refused_by_instances_and_by_bytes() -> None:
    for limit, told in (
        ({"snapshot_instances": 51}, "Instances of shelf: 52 found, 51 allowed"),
        ({"snapshot_bytes": 5000}, "Bytes of shelf: 5,200 found, 5,000 allowed"),
    ):
        shop = Shop(shelf_with(50), **limit)
        (result,) = [item async for item in await shop.stream()]
        assert result.errors[0].message == told
        assert (await shop.query()).errors[0].message == told
        assert shop.hub.receivers == []


def test_a_census_stays_until_the_state_has_changed_by_an_eighth() -> None:
    replica: Any = shelf_with(400).replica
    census = census_of(replica)
    assert census.counts == {"Album": 1, "Track": 400, "Memo": 2}
    assert census.lengths == {("Album", "tracks"): 400.0, ("Album", "memos"): 2.0}
    replica.state = shelf_with(440).replica.state
    assert census_of(replica) is census
    replica.state = shelf_with(480).replica.state
    assert census_of(replica).counts["Track"] == 480
    replica.generation += 1
    assert census_of(replica) is not census
    assert take_census(TREE, 1, {}).lengths == {("Album", "tracks"): 0.0, ("Album", "memos"): 0.0}


@pytest.mark.slow
def test_documents_are_kept_within_a_bound_of_tokens() -> None:
    documents = documents_of(Shop().schema)
    settings = get_settings()
    for number in range(400):
        text = "{ " + f"a{number} " * 900 + "}"
        documents.keep(text, read(text, settings))
    assert 100 <= len(documents) <= 120
    assert isinstance(documents.get("{ " + "a399 " * 900 + "}"), Known)
