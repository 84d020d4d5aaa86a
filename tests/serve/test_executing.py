"""The short way through an operation answers exactly what graphql-core does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.executing import Executor
from tests.serve.shop import ANN, COMPILED, MINE, FakeHub, Shop, album, memo, shelf, track

WHOLE = """
query ($short: Boolean!) {
  shelf(albumId: 7) {
    id
    state {
      __typename key: id title format
      rating @skip(if: $short)
      tracks { ...Track }
      memos { __typename id body @include(if: $short) }
      again: tracks { kind: __typename title }
    }
  }
}
fragment Track on Track { id title other: title }
"""


async def answer(hub: FakeHub, document: str = WHOLE, *, short: bool = False) -> Any:
    """Return data and errors of a query."""
    found = await Shop(hub).schema.execute(
        document, {"short": short}, context_value={"identity": Identity(ANN, Credentials())}
    )
    errors = [
        (error.path, re.sub("error [0-9a-f]+", "error", error.message))
        for error in found.errors or ()
    ]
    return found.data, errors


async def both(monkeypatch: pytest.MonkeyPatch, hub: FakeHub, **more: Any) -> Any:
    """Return what both executors answer, after checking that it is the same."""
    ours = await answer(hub, **more)
    with monkeypatch.context() as patch:
        patch.setattr(Executor, "execute_fields", Stock.execute_fields)
        stock = await answer(hub, **more)
    assert ours == stock
    return ours


@pytest.mark.parametrize("short", [True, False])
async def test_plain_values_aliases_fragments_and_directives(
    monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    data, errors = await both(monkeypatch, FakeHub(), short=short)
    assert not errors
    state = data["shelf"]["state"]
    assert state["tracks"] == [{"id": "0", "title": "So What", "other": "So What"}]
    assert ("rating" in state, "body" in state["memos"][0]) == (not short, short)
    assert list(state)[:3] == ["__typename", "key", "title"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": None},
        {"title": ["no", "text"]},
        {"title": ValueError("cannot be read")},
        {"format": "a thing that is no choice"},
        {"rating": "no number"},
    ],
    ids=repr,
)
async def test_errors_of_values(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]) -> None:
    state = shelf() | {album().key: album(**wrong)}
    _, errors = await both(monkeypatch, FakeHub(state))
    assert errors


async def test_errors_below_a_list_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = track(0)
    broken.data["title"] = None
    state = shelf() | {broken.key: broken}
    _, errors = await both(monkeypatch, FakeHub(state))
    assert len(errors) == 1


async def test_values_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    document = memo(MINE, ANN)
    del document.data["body"]
    await both(monkeypatch, FakeHub(shelf() | {MINE: document}), short=True)


async def test_events_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def event() -> Any:
        hub = FakeHub()
        results = await Shop(hub).stream()
        await anext(results)
        hub.change(album(2, title="Kind of Blue"), track(0, 2, "Freddie"))
        found = (await anext(results)).data["shelf"]
        await results.aclose()
        return {name: value for name, value in found.items() if name not in ("session", "cursor")}

    ours = await event()
    monkeypatch.setattr(Executor, "execute_fields", Stock.execute_fields)
    assert ours == await event()
    assert ours["changed"]["tracks"][0]["title"] == "Freddie"
    assert COMPILED.names.field == "shelf"
