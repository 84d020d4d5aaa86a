"""Turn what GraphQL has coerced into write requests: plain values by serializer field name.

What a client left out is not in a request, null is ``None``. Exactly-one inputs are judged here
again: validation of a document is not what authority rests on.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any

import strawberry

from rxgraph.compile.writing import ParentRelation, WriteRequest, WriteSpec
from rxgraph.errors import BadRequest


def field_attribute(name: str) -> str:
    """Return the attribute of an input object that holds the serializer field *name*."""
    return f"field_{name}"


def key_attribute(key: str) -> str:
    """Return the attribute of an exactly-one input object that holds *key*."""
    return f"key_{key}"


def read_request(spec: WriteSpec, given: Mapping[str, object]) -> WriteRequest:
    """Return the request of *spec* by the arguments ``id``, ``parent``, ``data``, and so on.

    Raises:
        BadRequest: not exactly one parent, or a field that this channel does not let clients set.
    """
    parent: tuple[ParentRelation, str] | tuple[None, None] = None, None
    if spec.parents:
        parent = _read_parent(spec, given.get("parent"))
    return WriteRequest(
        spec=spec,
        id=_text(given.get("id")),
        parent=parent[0],
        parent_id=parent[1],
        data=_read_data(spec, given.get("data")),
        expected_version=_text(given.get("expected_version")),
    )


def read_batch(keys: Mapping[str, WriteSpec], operations: Iterable[object]) -> list[WriteRequest]:
    """Return the requests of a batch; *keys* are the kinds of operations by their keys.

    Raises:
        BadRequest: there is none, one of them is not exactly one operation, or is wrong in itself.
    """
    requests = []
    for index, operation in enumerate(operations):
        key, given = _only_one(operation, keys, f"operations[{index}]")
        requests.append(read_request(keys[key], vars(given)))
    if not requests:
        raise BadRequest("operations is empty; name at least one operation")
    return requests


def _read_parent(spec: WriteSpec, given: object) -> tuple[ParentRelation, str]:
    parents = {parent.key: parent for parent in spec.parents}
    key, value = _only_one(given, parents, "parent")
    return parents[key], str(value)


def _read_data(spec: WriteSpec, given: object) -> dict[str, Any]:
    found = {
        name.removeprefix(field_attribute("")): value
        for name, value in (vars(given) if given is not None else {}).items()
        if value is not strawberry.UNSET
    }
    for item in spec.inputs:
        if item.name in found:
            found[item.name] = raw(found[item.name])
    others = sorted(set(found) - set(spec.fields))
    if others:
        raise BadRequest(f"{spec.field_name} does not set {', '.join(others)}")
    return found


def raw(value: Any) -> Any:
    """Return *value* with raw choices in place of enum members; JSON is left as it is."""
    if isinstance(value, enum.Enum):
        return value.value
    return [raw(item) for item in value] if isinstance(value, list) else value


def _only_one(given: object, keys: Iterable[str], what: str) -> tuple[str, Any]:
    found = {
        key: value
        for key in keys
        if (value := getattr(given, key_attribute(key), strawberry.UNSET)) is not strawberry.UNSET
    }
    if len(found) != 1 or None in found.values():
        raise BadRequest(f"{what} holds {len(found)} keys; give exactly one, and not null")
    return next(iter(found.items()))


def _text(value: object) -> str | None:
    return None if value is None or value is strawberry.UNSET else str(value)
