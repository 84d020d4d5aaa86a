"""Compile the methods that ``@action`` marks: their mutations, and the ways of their values.

``async def rename(self, title: str) -> bool`` of a ``ProjectChannel`` is
``projectRename(session: ID!, title: String!): Boolean!``. Actions are inherited; a method that
overrides one is one, and ``rename = None`` takes it back.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

import strawberry

from rxgraph.compile import naming
from rxgraph.compile.hints import (
    Untyped,
    default_of,
    input_shape,
    or_none,
    output_shape,
)
from rxgraph.compile.leaves import ANYTHING, DONE
from rxgraph.compile.shapes import Misfit, Shape
from rxgraph.declare.arguments import Argument
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.marks import action_of
from rxgraph.declare.problems import Problem, dotted, raise_errors
from rxgraph.errors import BadRequest
from rxgraph.types import JSON

SESSION = "session"
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class ActionParameter:
    """One parameter of an action; ``default`` is as Strawberry prints it, UNSET for none."""

    name: str
    graphql_name: str
    shape: Shape
    required: bool
    default: Any = strawberry.UNSET

    @property
    def argument(self) -> Argument:
        """The argument of the mutation; what cannot be printed as a default may be left out."""
        is_open = not self.required and self.default is strawberry.UNSET
        annotation = self.shape.annotation
        return Argument(
            self.name,
            self.graphql_name,
            Optional[annotation] if is_open else annotation,  # noqa: UP045
            has_default=not self.required,
            default=self.default,
        )


@dataclass(frozen=True, eq=False)
class ActionSpec:
    """One action of a channel; compared and hashed by identity."""

    method: str  # rename
    field_name: str  # projectRename
    parameters: tuple[ActionParameter, ...]
    result: Shape
    description: str | None = None

    def wire(self, given: Mapping[str, object]) -> dict[str, JSON]:
        """Return what GraphQL has coerced as JSON; *given* is by Python names, UNSET is left out.

        Raises:
            BadRequest: a value does not fit.
        """
        return {
            item.graphql_name: self._told(item.graphql_name, item.shape.wire, given[item.name])
            for item in self.parameters
            if given.get(item.name, strawberry.UNSET) is not strawberry.UNSET
        }

    def decode(self, data: Mapping[str, JSON]) -> dict[str, Any]:
        """Return the keyword arguments of the method.

        Raises:
            BadRequest: a value does not fit.
        """
        return {
            item.name: self._told(item.graphql_name, item.shape.decode, data[item.graphql_name])
            for item in self.parameters
            if item.graphql_name in data
        }

    def _told(self, name: str, function: Any, value: Any) -> Any:
        try:
            return function(value)
        except Misfit as error:
            raise BadRequest(f"{self.field_name}: {error.told(name)}") from None


def compile_actions(channel: type[ContextChannel]) -> tuple[ActionSpec, ...]:
    """Return the actions of *channel*, by the names of their methods.

    Raises:
        DeclarationError: one of them cannot be typed.
    """
    specs, problems = read_actions(channel)
    raise_errors(problems)
    return specs


def read_actions(channel: type[ContextChannel]) -> tuple[tuple[ActionSpec, ...], list[Problem]]:
    """Return the actions of *channel* that are sound, and what is wrong with the others."""
    specs: list[ActionSpec] = []
    problems: list[Problem] = []
    for name in _names(channel):
        reading = _Reading(channel, name)
        spec = reading.spec()
        problems += reading.problems
        if spec is not None:
            specs.append(spec)
    return tuple(specs), problems


def _names(channel: type[ContextChannel]) -> list[str]:
    names = {
        name
        for base in channel.__mro__
        for name, member in vars(base).items()
        if action_of(getattr(member, "__func__", member)) is not None
    }
    return sorted(name for name in names if _is_action(channel, name))


def _is_action(channel: type[ContextChannel], name: str) -> bool:
    """True when the nearest class that says so marks the method, and none before says None."""
    for base in channel.__mro__:
        member = vars(base).get(name, ...)
        if member is None:
            return False
        if action_of(getattr(member, "__func__", member)) is not None:
            return True
    return False


class _Reading:
    """Reads one action; notes every problem."""

    def __init__(self, channel: type[ContextChannel], name: str) -> None:
        self._channel, self._name = channel, name
        owner = next(base for base in channel.__mro__ if name in vars(base))
        self._member = vars(owner)[name]
        self._subject = f"{dotted(owner)}.{name}"
        self.problems: list[Problem] = []

    def spec(self) -> ActionSpec | None:
        """Return the action, or None when something is wrong with it."""
        method, field = self._member, naming.action_field(self._channel.field_name, self._name)
        if not inspect.isfunction(method) or not inspect.iscoroutinefunction(method):
            self._report("is an action, but no async method", "write async def, or = None")
            return None
        if not naming.is_valid_name(field):
            self._report(f"makes the mutation {field}", "give the method another name", "E014")
        try:
            hints = typing.get_type_hints(method, include_extras=True)
        except Exception as error:  # noqa: BLE001  # a name that does not exist, in whatever way
            found = f"has annotations that cannot be read: {error}"
            self._report(found, "import what they name at run time")
            return None
        parameters = tuple(self._parameters(inspect.signature(method), hints))
        result = self._result(hints)
        if self.problems:
            return None
        return ActionSpec(self._name, field, parameters, result, _described(method, result))

    def _parameters(
        self, signature: inspect.Signature, hints: Mapping[str, Any]
    ) -> Iterator[ActionParameter]:
        first = next(iter(signature.parameters.values()), None)
        if first is None or first.kind not in _BY_PLACE:
            self._report("takes no self", f"write async def {self._name}(self, ...)")
            return
        taken = {SESSION: SESSION}
        for parameter in list(signature.parameters.values())[1:]:
            item = self._parameter(parameter, hints)
            if item is None:
                continue
            other = taken.setdefault(item.graphql_name, item.name)
            if item.graphql_name == SESSION:
                found = f"names {item.name}, which addresses the live context"
                self._report(found, "give the parameter another name", "E014")
            elif other != item.name:
                found = f"names {item.name} and {other}, both {item.graphql_name} in GraphQL"
                self._report(found, "give one of them another name", "E013")
            yield item

    def _parameter(
        self, parameter: inspect.Parameter, hints: Mapping[str, Any]
    ) -> ActionParameter | None:
        name = parameter.name
        graphql_name = naming.camel_case(name)
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "**"
            self._report(f"takes {stars}{name}", "name each parameter, or take a list or a dict")
            return None
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            self._report(f"takes {name} by position only", "take the / away")
            return None
        if not naming.is_valid_name(graphql_name):
            hint = "give the parameter another name"
            self._report(f"names {name}, which GraphQL does not allow", hint, "E014")
            return None
        if name not in hints:
            hint = f"annotate it: {name}: str, or {name}: Any for JSON"
            self._report(f"names {name} without a type", hint)
            return None
        required = parameter.default is inspect.Parameter.empty
        try:
            shape = input_shape(hints[name])
            default = strawberry.UNSET
            if not required and parameter.default is None:
                shape = or_none(shape)
            elif not required:
                default = default_of(shape, parameter.default, "")
        except Untyped as error:
            self._report(f"names {name}, which {error.found.strip()}", error.hint, error.code)
            return None
        return ActionParameter(name, graphql_name, shape, required, default)

    def _result(self, hints: Mapping[str, Any]) -> Shape:
        answer = hints.get("return", Any)
        if answer is None or answer is type(None):
            return DONE
        try:
            return output_shape(answer)
        except Untyped as error:
            self._report(f"answers what {error.found}", error.hint, error.code)
            return ANYTHING

    def _report(self, found: str, hint: str, code: str = "E024") -> None:
        self.problems.append(Problem(code, self._subject, found, hint, self._channel))


def _described(method: Any, result: Shape) -> str | None:
    parts = [inspect.getdoc(method) or ""]
    if result is DONE:
        parts.append("Answers true when it has run.")
    return "\n\n".join(part for part in parts if part) or None
