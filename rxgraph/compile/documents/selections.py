"""Selections: three fragments per layer, and what events and payloads can tell.

``TaskFields`` has the values of a layer, ``TaskRow`` its relations as ids besides, ``TaskTree``
everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from graphql import GraphQLField, GraphQLObjectType, is_leaf_type

from rxgraph.compile.documents.shapes import (
    ChannelShape,
    Layers,
    leaves,
    named,
    object_of,
    relations,
)


class Relations(Enum):
    """How a fragment shows the relations of its layer."""

    ROW = "Row"
    TREE = "Tree"


def fragments(
    layers: Layers, kinds: Iterable[Relations], names: Iterable[str] | None = None
) -> Iterator[str]:
    """Yield the fragments of *layers*, or of those among them that *names* says."""
    wanted = list(layers if names is None else names)
    for name in wanted:
        layer = layers[name]
        yield f"fragment {name}Fields on {name} {{ {' '.join(['__typename', *leaves(layer)])} }}"
        for kind in kinds:
            lines = [f"...{name}Fields", *_relation_lines(layer, kind, layers)]
            yield f"fragment {name}{kind.value} on {name} {{\n{indent(lines)}\n}}"


def event_lines(channel: ChannelShape, read: str) -> Iterator[str]:
    """Yield what the events of *channel* can tell; *read* calls its field: ``project(id: $id)``."""
    yield "__typename kind cursor session resetReason clientMutationIds"
    if "runtime" in channel.event.fields:
        yield f"runtime {{ {' '.join(leaves(object_of(channel.event.fields['runtime'])))} }}"
    yield f"query {{ {read} {{ __typename id }} }}"
    yield "channel { __typename id cursor state { __typename id } }"
    yield from changes_lines("changed", channel.event.fields["changed"])
    yield "removed { typename nodeId reason }"
    yield "notifications { data }"


def changes_lines(
    name: str, field: GraphQLField, wanted: Callable[[str], bool] = lambda typename: True
) -> Iterator[str]:
    """Yield the lists of whole instances in *field*, of the layers that are *wanted*."""
    lists = {key: named(item).name for key, item in object_of(field).fields.items()}
    chosen = [f"{key} {{ ...{target}Row }}" for key, target in lists.items() if wanted(target)]
    if chosen:
        yield f"{name} {{\n{indent(chosen)}\n}}"


def answer_lines(
    answer: GraphQLObjectType, layers: Layers, wanted: Callable[[str], bool] = lambda name: True
) -> Iterator[str]:
    """Yield what a mutation can tell by *answer*; of ``parents``, the layers that are *wanted*."""
    if "messages" not in answer.fields:  # not of a write: what an action answers
        yield from _whole(answer)
        return
    yield " ".join(["__typename", *leaves(answer)])
    for name, field in answer.fields.items():
        target = named(field)
        if target.name in layers:
            yield f"{name} {{ ...{target.name}Row }}"
        elif name == "parents":
            yield from changes_lines(name, field, wanted)
        elif name == "changed":
            yield from changes_lines(name, field)
        elif isinstance(target, GraphQLObjectType):
            yield f"{name} {{ {' '.join(leaves(target))} }}"


def layers_of(mutation: GraphQLField) -> dict[str, GraphQLObjectType]:
    """Return the layers that a *mutation* can tell of: ``parents`` or ``changed`` has them all."""
    found: dict[str, GraphQLObjectType] = {}
    answer = named(mutation)
    if isinstance(answer, GraphQLObjectType):
        for name in ("parents", "changed"):
            if name in answer.fields:
                lists = object_of(answer.fields[name]).fields.values()
                found |= {object_of(item).name: object_of(item) for item in lists}
    return found


def is_value(field: GraphQLField) -> bool:
    """True when *field* answers a value, of which nothing is selected."""
    return is_leaf_type(named(field))


def indent(lines: Iterable[str], depth: int = 1) -> str:
    """Return *lines*, which may have several lines themselves, further in."""
    return "\n".join("  " * depth + line for text in lines for line in text.splitlines())


def _whole(answer: GraphQLObjectType) -> Iterator[str]:
    """Yield everything in an answer; answers never contain themselves."""
    for name, field in answer.fields.items():
        if is_value(field):
            yield name
        else:
            yield f"{name} {{\n{indent(_whole(object_of(field)))}\n}}"


def _relation_lines(layer: GraphQLObjectType, kind: Relations, layers: Layers) -> Iterator[str]:
    for name, target in relations(layer, layers):
        inner = "__typename id" if kind is Relations.ROW else f"...{target}Tree"
        yield f"{name} {{ {inner} }}"
