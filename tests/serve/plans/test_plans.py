"""Finding plans, sharing them, refusing them; and how a subscription goes on with its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import MiddlewareManager, get_named_type, parse
from graphql.execution.collect_fields import collect_fields

from rxgraph.delta import View, see
from rxgraph.serve import planning
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.events import EventMaker, Stamp
from rxgraph.serve.executing import Executor
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.plans import NoPlan, Plan, Unplanned, finding, plans_of, stock
from rxgraph.serve.plans.fallbacks import fallbacks, forget, note
from rxgraph.serve.scope import OperationScope
from rxgraph.types import AnchorKey
from tests.serve.plans.answering import frame
from tests.serve.shop import ANN, COMPILED, ROOT, TREE, FakeHub, Shop, album, shelf, take, track

SHOP = Shop()
CORE: Any = SHOP.schema._schema


def found(text: str, name: str | None = None, more: Any = None, **given: Any) -> Plan:
    """Return the plan of the only root field of an operation."""
    executor: Any = Executor.build(
        CORE, parse(text), operation_name=name, raw_variable_values=given, middleware=more
    )
    assert isinstance(executor, Executor), executor
    root = CORE.get_root_type(executor.operation.operation)
    fields = collect_fields(
        CORE, executor.fragments, executor.variable_values, root, executor.operation
    ).grouped_field_set
    ((response_name, details),) = fields.items()
    type_: Any = get_named_type(root.fields[details[0].node.name.value].type)
    plans = plans_of(CORE)
    assert plans is not None
    return plans.find(executor, response_name, type_, details)


def event(view: View | None = None, **changes: Any) -> Any:
    """Return a SNAPSHOT of the shelf."""
    stamp = Stamp(AnchorKey(COMPILED.name, "7"), b"", b"")
    maker = EventMaker(COMPILED, {"album_id": 7, "side": None}, stamp, changes.pop("session", "s"))
    return maker.snapshot(view or see(TREE, ROOT, shelf(), "1"), "cursor")


TITLES = "query ($yes: Boolean!) { shelf(albumId: 7) { state { id title @include(if: $yes) } } }"


def test_a_plan_is_shared_by_all_who_select_the_same() -> None:
    assert found(TITLES, yes=True) is found(TITLES, yes=True)
    assert found(TITLES, yes=True) is not found(TITLES, yes=False)


def test_other_variables_do_not_make_another_plan() -> None:
    text = "query ($id: Int!) { shelf(albumId: $id) { id } }"
    assert found(text, id=7) is found(text, id=8)


def test_operations_of_one_document_have_their_own() -> None:
    text = "query A { shelf(albumId: 7) { id } } query B { shelf(albumId: 7) { cursor } }"
    assert found(text, "A") is not found(text, "B")


def test_plans_of_another_schema_are_others() -> None:
    here = found("{ shelf(albumId: 7) { id } }")
    core: Any = Shop().schema._schema
    assert plans_of(core) is not plans_of(CORE)
    assert here is found("{ shelf(albumId: 7) { id } }")


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = finding.Plans([COMPILED])
    monkeypatch.setitem(CORE.extensions, finding._EXTENSION, plans)
    for number in range(600):
        found(f"{{ a{number}: shelf(albumId: 7) {{ id }} }}")
    assert len(plans._plans) == len(plans._shapes) == 512


def test_selections_of_instances_are_the_same_in_all_documents() -> None:
    plans = plans_of(CORE)
    assert plans is not None
    first = found("{ shelf(albumId: 7) { state { tracks { id title } } } }")
    count = len(plans._selections)
    second = found("{ shelf(albumId: 7) { cursor state { tracks { id title } } } }")
    assert len(plans._selections) == count
    assert first is not second
    del first, second


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "subscription { shelf(albumId: 7) { query { __schema { types { name } } } } }",
            "introspection",
        ),
        ("query { shelf(albumId: 7) { ... @defer { id } } }", "@defer"),
    ],
)
def test_what_has_no_plan(text: str, reason: str) -> None:
    with pytest.raises(NoPlan, match=reason):
        found(text)
    with pytest.raises(NoPlan, match=reason):  # remembered
        found(text)


def test_extensions_that_resolve_fields_are_asked_for_each() -> None:
    with pytest.raises(NoPlan, match="extension"):
        found("{ shelf(albumId: 7) { id } }", more=MiddlewareManager(lambda n, *a, **k: n(*a, **k)))


def test_parts_are_the_same_for_all_who_see_the_same() -> None:
    plan = found(
        "subscription { shelf(albumId: 7) {"
        " kind session again: session clientMutationIds changed { tracks { id } } } }"
    )
    assert plan.holes == ("session", "session", "client_mutation_ids")
    mine, his = event(session="mine"), event(session="his")
    assert plan.parts(mine) == plan.parts(his)
    assert len(plan.parts(mine)) == 4
    assert plan.own(mine) == ('"mine"', '"mine"', "[]")
    assert plan.text(his) == (
        '{"kind":"SNAPSHOT","session":"his","again":"his","clientMutationIds":[],'
        '"changed":{"tracks":[{"id":"0"}]}}'
    )


@pytest.mark.parametrize(
    "arguments", ["albumId: 8", "albumId: 7, side: null", "albumId: $id"], ids=repr
)
def test_a_query_inside_an_event_by_other_words_is_left_to_graphql_core(arguments: str) -> None:
    text = (
        "subscription ($id: Int!) { shelf(albumId: 7)"
        f" {{ kind query {{ shelf({arguments}) {{ id }} }} }} }}"
    )
    plan = found(text, id=7)
    with pytest.raises(Unplanned):
        plan.text(event())
    quiet: Any = event()
    object.__setattr__(quiet, "query", None)  # as in all but the first
    assert plan.text(quiet) == '{"kind":"SNAPSHOT","query":null}'


# -- in the executor


async def first(hub: FakeHub | None = None, **context: Any) -> tuple[OperationScope, Any]:
    """Return the scope of a subscription after its first event, and that."""
    scope = OperationScope()
    results = await Shop(hub).stream(scope=scope)
    told = await take(results)
    await results.aclose()
    return scope, told


async def test_a_subscription_leaves_its_plan_and_what_does_without() -> None:
    scope, told = await first()
    assert isinstance(told, dict)  # whoever asks in this process gets plain data
    assert scope.plan is not None
    assert scope.executor is not None
    broken = see(TREE, ROOT, shelf() | {album().key: album(title=None)}, "1")
    with pytest.raises(Unplanned):
        scope.plan.text(event(broken))
    result = stock(scope.executor, event(broken))
    assert result.errors
    assert result.errors[0].path == ["shelf", "changed", "albums", 0, "title"]
    again = stock(scope.executor, event())
    assert frame(again) == f'{{"data":{{"shelf":{scope.plan.text(event())}}}}}'


async def test_what_is_left_of_a_subscription_is_small() -> None:
    scope, _ = await first()
    parked = scope.executor
    assert parked is not None
    assert not hasattr(parked, "__dict__")
    size = sys.getsizeof(parked) + sum(sys.getsizeof(part) for part in parked.variables)
    assert size < 800
    another, _ = await first()
    assert another.executor is not None
    assert another.executor is not parked


async def test_without_plans_there_are_none(settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "PLANS": False}
    scope, _ = await first()
    assert (scope.plan, scope.executor) == (None, None)


async def test_events_do_not_make_a_subscription_grow() -> None:
    hub, made = FakeHub(), []
    build = Executor.build_per_event_executor

    def building(self: Any, payload: Any) -> Any:
        made.append(self)
        return build(self, payload)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "build_per_event_executor", building)
        results = await Shop(hub).stream()
        for number in range(3):
            await take(results)
            hub.change(track(0, 2 + number, str(number)))
        await results.aclose()
    assert made
    assert all(not executor._relevant_sub_fields for executor in made)


async def test_a_plan_that_fails_is_counted_and_told_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    forget()
    hub = FakeHub(shelf() | {album().key: album(title=None)})
    shop = Shop(hub)
    context: Mapping[str, Any] = {**_identity(), TEXTS: True}
    with caplog.at_level(logging.DEBUG, "rxgraph.plans"):
        result = await shop.schema.execute(
            "query Broken { shelf(albumId: 7) { state { title } } }", context_value=context
        )
    assert result.errors
    assert fallbacks() == {"null in non-null": 1}
    assert "no plan for query Broken: null in non-null" in caplog.messages
    note("query Other", "null in non-null")
    assert fallbacks() == {"null in non-null": 2}
    forget()


def _identity() -> dict[str, Any]:
    return {"identity": Identity(ANN, Credentials())}


def test_the_sources_that_have_plans_are_those_of_root_fields() -> None:
    assert {kind.__name__ for kind in planning.PLANNED} == {
        "ChannelSource",
        "EventSource",
        "PayloadSource",
    }
