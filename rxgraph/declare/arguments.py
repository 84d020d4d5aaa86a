"""The arguments of a channel: what its hooks name, with their annotations.

The union of the named parameters of ``has_permission`` (without the user), ``get_instance_id`` and
``list_instances`` (without self), in that order.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import types
import typing
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import strawberry

from rxgraph.compile import naming
from rxgraph.compile.scalars import BigInt
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.problems import Problem, dotted, raise_errors
from rxgraph.declare.signatures import NAMED

SUPPORTED = (
    bool,
    int,
    BigInt,
    float,
    str,
    strawberry.ID,
    uuid.UUID,
    datetime.date,
    datetime.datetime,
    decimal.Decimal,
)

_NAMED_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Argument:
    """One argument of a channel's fields."""

    name: str
    graphql_name: str
    annotation: Any  # one of SUPPORTED or an Enum, possibly ``| None``
    has_default: bool = False
    default: Any = None
    description: str | None = None

    @property
    def base(self) -> Any:
        """The annotation without its ``| None``."""
        return _without_none(self.annotation)

    @property
    def nullable(self) -> bool:
        """True when null may be passed."""
        return self.base is not self.annotation


def channel_arguments(channel: type[ContextChannel]) -> tuple[Argument, ...]:
    """Return the arguments of *channel*.

    Raises:
        DeclarationError: an annotation is not supported, or two hooks disagree about one.
    """
    arguments, problems = read_arguments(channel)
    raise_errors(problems)
    return arguments


def read_arguments(
    channel: type[ContextChannel],
) -> tuple[tuple[Argument, ...], list[Problem]]:
    """Return the arguments of *channel* that are sound, and what is wrong with the others."""
    found: dict[str, tuple[Argument, str]] = {}
    problems: list[Problem] = []
    for hook in NAMED:
        if (hook == "list_instances") is not channel.options.many and hook != "has_permission":
            continue
        function = inspect.unwrap(getattr(channel, hook))
        if function.__module__ == ContextChannel.__module__:
            continue
        for argument in _named(channel, hook, function, problems):
            known = found.get(argument.name)
            if known is None:
                found[argument.name] = (argument, hook)
            elif known[0].base != argument.base:
                problems.append(
                    Problem(
                        "E004",
                        f"{dotted(channel)}.{hook}",
                        f"names {argument.name}: {_text(argument.base)}, but {known[1]} names it"
                        f" {_text(known[0].base)}",
                        "give one parameter one annotation",
                        channel,
                    )
                )
            elif not argument.has_default:
                found[argument.name] = (argument, hook)  # somebody needs it: it is required
    arguments = [argument for argument, _ in found.values()]
    if not arguments and not channel.options.many and not problems:
        arguments.append(Argument("id", "id", strawberry.ID))
    return tuple(arguments), problems


def _named(
    channel: type[ContextChannel],
    hook: str,
    function: Callable[..., Any],
    problems: list[Problem],
) -> list[Argument]:
    subject = f"{dotted(channel)}.{hook}"
    try:
        hints = typing.get_type_hints(function)
    except Exception as error:  # noqa: BLE001  # a name that does not exist, in whatever way
        found = f"has annotations that cannot be read: {error}"
        hint = "import what they name at run time"
        problems.append(Problem("E004", subject, found, hint, channel))
        return []
    arguments: list[Argument] = []
    parameters = list(inspect.signature(function).parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind not in _NAMED_KINDS:
            continue
        has_default = parameter.default is not inspect.Parameter.empty
        annotation = hints.get(parameter.name, strawberry.ID)
        if has_default and parameter.default is None and annotation == _without_none(annotation):
            annotation = annotation | None if isinstance(annotation, type) else _or_none(annotation)
        name = naming.camel_case(parameter.name)
        if not is_supported(annotation):
            problems.append(
                Problem(
                    "E004",
                    subject,
                    f"names {parameter.name}: {_text(annotation)}, which is no argument type",
                    "use int, BigInt, str, bool, float, ID, UUID, date, datetime, Decimal or Enum",
                    channel,
                )
            )
        elif not naming.is_valid_name(name) or name == "after":
            problems.append(
                Problem(
                    "E014",
                    subject,
                    f"names {parameter.name}, which GraphQL or RxGraph reserves",
                    "give the parameter another name",
                    channel,
                )
            )
        else:
            default = parameter.default if has_default else None
            arguments.append(Argument(parameter.name, name, annotation, has_default, default))
    return arguments


def is_supported(annotation: Any) -> bool:
    """True when *annotation* can be the type of an argument."""
    base = _without_none(annotation)
    return base in SUPPORTED or (isinstance(base, type) and issubclass(base, enum.Enum))


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [item for item in typing.get_args(annotation) if item is not type(None)]
        if len(rest) == 1 and len(rest) < len(typing.get_args(annotation)):
            return rest[0]
    return annotation


def _or_none(annotation: Any) -> Any:
    return typing.Optional[annotation]  # noqa: UP045


def _text(annotation: Any) -> str:
    return getattr(annotation, "__name__", str(annotation))
