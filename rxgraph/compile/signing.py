"""Give generated resolvers the signatures that Strawberry reads arguments from.

The arguments of a channel travel under a prefix, so that they never meet a field's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from rxgraph.declare.arguments import Argument

AnyInfo = Info[Any, Any]

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def sign(
    function: Callable[..., Any],
    arguments: Sequence[Argument],
    returns: Any,
    *,
    own: Sequence[Argument] = (),
    root: bool = False,
) -> None:
    """Give *function* the channel's *arguments* and the field's *own*, which keep their names."""
    parameters = [inspect.Parameter("info", _KEYWORD, annotation=Info)]
    if root:
        parameters.insert(0, inspect.Parameter("root", _KEYWORD))
    parameters += [_parameter(_prefixed(argument), argument) for argument in arguments]
    parameters += [_parameter(argument.name, argument) for argument in own]
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]


def channel_values(arguments: Sequence[Argument], given: Mapping[str, object]) -> dict[str, object]:
    """Return the channel's *arguments* by their Python names, defaults filled in."""
    found: dict[str, object] = {}
    for argument in arguments:
        value = given.get(_prefixed(argument), strawberry.UNSET)
        found[argument.name] = argument.default if value is strawberry.UNSET else value
    return found


def _prefixed(argument: Argument) -> str:
    return f"argument_{argument.name}"


def _parameter(name: str, argument: Argument) -> inspect.Parameter:
    default: Any = inspect.Parameter.empty
    if argument.has_default:
        default = strawberry.UNSET if argument.default is None else argument.default
    return inspect.Parameter(
        name,
        _KEYWORD,
        default=default,
        annotation=Annotated[
            argument.annotation,
            strawberry.argument(name=argument.graphql_name, description=argument.description),
        ],
    )
