"""Plans answer, byte for byte, what graphql-core does (invariant 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.state_tree import StateTree
from rxgraph.delta import State, View
from rxgraph.serve.events import EventMaker, Stamp
from rxgraph.serve.plans.texts import book_of, forget_books
from rxgraph.testing import document_for
from rxgraph.types import FOREST, AnchorKey, InstanceKey
from tests.serve.plans.answering import Answer, is_mergeable
from tests.serve.plans.generating import (
    ALBUM,
    CHANNELS,
    CORE,
    IDS,
    SOURCES,
    USERS,
    Draw,
    Operation,
    channel_of,
    draws,
    events,
    operations,
    payloads,
    public,
    seen,
    variables,
    writes,
)

pytestmark = pytest.mark.slow

slow = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
channels = st.sampled_from(CHANNELS)


def asked(
    data: st.DataObject, operation: Operation, compiled: CompiledChannel, view: View
) -> Answer:
    """Return the answers to *operation* about *view*."""
    event = None
    if operation.head.startswith("query"):
        SOURCES.channel = channel_of(compiled, view)
    else:
        event = data.draw(events(compiled, view, operation.arguments))
    given_ = variables(data.draw(st.booleans()), data.draw(st.booleans()))
    return Answer(CORE, operation.text, given_, event)


def any_operation(data: st.DataObject, compiled: CompiledChannel) -> Operation:
    """Return any operation that is valid."""
    operation = data.draw(
        operations(data.draw(st.sampled_from(["query", "subscription"])), compiled)
    )
    assume(is_mergeable(CORE, operation.text))
    return operation


def any_view(data: st.DataObject, compiled: CompiledChannel, state: Any) -> View:
    """Return *state* as any user sees it, or as if nothing in it was private."""
    if not compiled.tree.many and data.draw(st.booleans()):
        return public(compiled.tree, state)
    roots = data.draw(st.lists(st.sampled_from(IDS), unique=True))
    user = data.draw(st.sampled_from(USERS))
    return seen(compiled.tree, state, user, roots if compiled.tree.many else ("1",))


@slow
@given(st.data(), channels, st.booleans())
def test_one_operation_over_one_state(
    data: st.DataObject, compiled: CompiledChannel, regular: bool
) -> None:
    state = data.draw(draws).state(compiled.tree, regular=regular)
    operation = any_operation(data, compiled)
    answer = asked(data, operation, compiled, any_view(data, compiled, state))
    answer.check()


WHOLE = {item: document_for(CORE, item.names.field) for item in CHANNELS}


@slow
@given(draws, channels)
def test_whole_states_one_after_another(draw: Draw, compiled: CompiledChannel) -> None:
    tree = compiled.tree
    forget_books()
    book = book_of(tree, FOREST if tree.many else "1")
    history = [draw.state(tree)]
    users = [seen(tree, history[0], user, IDS) for user in USERS]
    for _ in range(6):
        history.append(_moved(draw, tree, history[-1] if draw.random() < 0.8 else history[0]))
        view = seen(tree, history[-1], draw.choice(USERS), IDS if tree.many else ("1",))
        if draw.random() < 0.3:
            view = replace(view, visible=draw.choice(users).visible or frozenset(history[-1]))
            view = replace(view, visible=view.visible and view.visible & set(view.state))
        maker = EventMaker(compiled, {}, Stamp(AnchorKey(compiled.name, "1"), b"", b""), "s")
        event = replace(maker.snapshot(view, "c"), query=None)
        Answer(CORE, WHOLE[compiled], {"albumId": 1}, event).check()
    del book


@slow
@given(st.data(), st.booleans())
def test_one_mutation(data: st.DataObject, regular: bool) -> None:
    operation = data.draw(writes())
    assume(is_mergeable(CORE, operation.text))
    state = data.draw(draws).state(ALBUM.tree, regular=regular)
    SOURCES.payload = data.draw(payloads(ALBUM, any_view(data, ALBUM, state)))
    given_ = variables(data.draw(st.booleans()), data.draw(st.booleans()))
    Answer(CORE, operation.text, given_).check()


def _moved(draw: Draw, tree: StateTree, state: State) -> State:
    """Return *state* with some instances gone, new, or changed; sometimes as it is."""
    found = dict(state)
    for _ in range(draw.randrange(3)):
        layer, id_ = draw.choice(list(tree.layers.values())), draw.choice(IDS)
        if draw.random() < 0.5 and not (layer is tree.root and id_ == "1"):
            found.pop(InstanceKey(layer.typename, id_), None)
        else:
            found[InstanceKey(layer.typename, id_)] = draw.document(layer, id_, version=2)
    return found if found != state else state


@slow
@given(st.data(), channels)
def test_texts_that_are_kept_never_show_another_state_or_another_users(
    data: st.DataObject, compiled: CompiledChannel
) -> None:
    tree = compiled.tree
    forget_books()  # of an example before, if it failed
    book = book_of(tree, FOREST if tree.many else "1")  # kept from answer to answer
    some = [any_operation(data, compiled) for _ in range(2)]
    draw = data.draw(draws)
    history = [draw.state(tree)]
    for _ in range(data.draw(st.integers(2, 6))):
        history.append(_moved(draw, tree, draw.choice(history)))  # from an old one, maybe
        operation = data.draw(st.sampled_from(some))
        answer = asked(data, operation, compiled, any_view(data, compiled, history[-1]))
        answer.check()
    del book
