"""Leaf values as JSON: which Python values go out as they are, and how all others are written.

``completed(type)`` does what graphql-core does to a value of a leaf type, lists of them included.
``shortcut(type)`` is the same as Python text for the values that are usual, without a call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson
from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from rxgraph.compile.scalars import SCALAR_MAP
from rxgraph.jsonable import encode
from rxgraph.serve.plans.refusals import NoPlan, Unplanned
from rxgraph.types import JSON

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1  # GraphQL specification §3.5.1, Int
_PLAIN = (dict, list, str, int, float, bool)


class Shortcut(NamedTuple):
    """Python text about a value ``{v}``: when it holds, ``shown`` is what goes out.

    Both are formatted with ``v``, the name of the value, and ``c``, the name of ``constant``.
    """

    test: str
    shown: str = "{v}"
    constant: object = None


def dumps(data: object) -> str:
    """Return *data* as JSON text, as a result with it in it has it.

    Raises:
        TypeError: something in it has no JSON form.
    """
    try:
        return orjson.dumps(data).decode()
    except TypeError:
        return encode(data).decode()


def completed(type_: GraphQLOutputType) -> Callable[[object], JSON]:
    """Return what makes a resolved value of *type_* ready for JSON; it raises Unplanned.

    Raises:
        NoPlan: it is no leaf.
    """
    if is_non_null_type(type_):
        inner = completed(type_.of_type)

        def required(raw: object) -> JSON:
            value = inner(raw)
            if value is None:
                raise Unplanned("null in non-null")
            return value

        return required
    if is_list_type(type_):
        item = completed(type_.of_type)

        def listed(raw: object) -> JSON:
            if raw is None:
                return None
            if type(raw) not in (list, tuple):
                raise Unplanned("no list")
            return [item(one) for one in raw]  # type: ignore[attr-defined]

        return listed
    if not is_leaf_type(type_):
        raise NoPlan("a type of the project")
    coerce = type_.coerce_output_value

    def leaf(raw: object) -> JSON:
        if raw is None or raw is Undefined:
            return None
        if isinstance(raw, Exception):
            raise Unplanned("an error as a value")
        try:
            value = coerce(raw)
        except Exception as error:
            raise Unplanned("a value that does not coerce") from error
        if value is None or value is Undefined:
            raise Unplanned("a value that coerces to null")
        return value

    return leaf


def written(type_: GraphQLOutputType) -> Callable[[Any], str]:
    """Return what writes a resolved value of *type_* as JSON text; it raises Unplanned."""
    complete = completed(type_)
    inner = type_.of_type if is_non_null_type(type_) else type_
    if is_text(type_):
        return lambda raw: orjson.dumps(raw).decode() if type(raw) is str else dumps(complete(raw))
    if is_enum_type(inner):
        names = {raw: f'"{name}"' for raw, name in _names(inner).items()}
        return lambda raw: (names.get(raw) if raw is not None else None) or dumps(complete(raw))
    return lambda raw: dumps(complete(raw))


def shortcut(type_: GraphQLOutputType) -> Shortcut | None:
    """Return the short way for the usual values of *type_*; None: there is none."""
    if is_non_null_type(type_):
        return _shortcut(type_.of_type)
    found = _shortcut(type_)
    if found is None:
        return None
    shown = found.shown if found.shown == "{v}" else f"None if {{v}} is None else {found.shown}"
    return found._replace(
        test=f"({{v}} is None or {found.test})" if found.test else "", shown=shown
    )


def is_text(type_: Any) -> bool:
    """True where text passes unchanged."""
    inner = type_.of_type if is_non_null_type(type_) else type_
    if inner is GraphQLString or inner is GraphQLID:
        return True
    definition = getattr(inner, "extensions", {}).get("strawberry-definition")
    return any(definition is ours for ours in SCALAR_MAP.values())


def _shortcut(type_: Any) -> Shortcut | None:
    if is_enum_type(type_):
        return Shortcut("", "{c}[{v}]", _names(type_))  # a KeyError is the long way
    if is_text(type_):
        return Shortcut("type({v}) is str")
    if type_ is GraphQLInt:
        return Shortcut(f"type({{v}}) is int and {_INT_MIN} <= {{v}} <= {_INT_MAX}")
    if type_ is GraphQLFloat:
        return Shortcut("type({v}) is float and {v} - {v} == 0.0")  # neither infinite nor NaN
    if type_ is GraphQLBoolean:
        return Shortcut("type({v}) is bool")
    if is_leaf_type(type_) and _is_identity(type_):
        return Shortcut("type({v}) in {c}", "{v}", _PLAIN)
    return None


def _is_identity(type_: Any) -> bool:
    """True where everything passes unchanged, as in JSON."""
    probe = object()
    try:
        return type_.coerce_output_value(probe) is probe
    except Exception:  # noqa: BLE001  # whatever a scalar of a project raises
        return False


def _names(type_: Any) -> Mapping[Any, str]:
    """Return value or member → name of an enum; what cannot be hashed takes the long way."""
    raw = [*(value.value for value in type_.values.values()), *getattr(type_, "wrapped_cls", ())]
    found: dict[Any, str] = {}
    for value in raw:
        with contextlib.suppress(TypeError):
            found[value] = type_.coerce_output_value(value)
    return found
