"""``Meta`` of a channel as a frozen value.

Options that a class does not set come from its bases (``abstract`` never does). What can be judged
without the app registry is judged here; :func:`read_options` returns every problem it finds.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, is_typeddict

from rest_framework import serializers

from rxgraph.declare.operations import Operation
from rxgraph.declare.problems import Problem, dotted

State = Any  # a ModelSerializer, or the ListSerializer that many=True makes of one


@dataclass(frozen=True)
class ChannelOptions:
    """What ``Meta`` of a channel says, defaults filled in."""

    #: Prototype of the state: a ``ModelSerializer`` instance, ``many=True`` already taken off.
    state: State = None
    #: True for a list channel.
    many: bool = False
    #: Serializer class → operations that clients may ask for.
    writable: Mapping[type[Any], frozenset[Operation]] = field(default_factory=dict)
    #: Seconds a cache stays after its last viewer left; None: ``RXGRAPH["CACHE_TTL"]``.
    cache_ttl: int | None = None
    #: List channels: new instances of the root model join by themselves.
    auto_update: bool = False
    #: Mark live anchors in an indexed column of the root model.
    optimize_anchors: bool = False
    #: Answer alike what may not be watched and what does not exist.
    secret: bool = False
    #: A base for other channels, not served itself.
    abstract: bool = False
    #: Stem of the GraphQL names; None: from the class name.
    graphql_name: str | None = None
    #: The ``RuntimeState`` TypedDict, if one is declared.
    runtime_state: type[Any] | None = None


_NAMES = sorted({f.name for f in fields(ChannelOptions)} - {"many", "runtime_state"})
_BOOLEANS = ("auto_update", "optimize_anchors", "secret", "abstract")


def read_options(
    channel: type[Any], inherited: ChannelOptions
) -> tuple[ChannelOptions, list[Problem]]:
    """Return the options of *channel*, and all that is wrong with them.

    *inherited* are the options of the nearest base class.
    """
    subject = dotted(channel)
    problems: list[Problem] = []
    given = _meta(channel)
    for name in sorted(set(given) - set(_NAMES)):
        near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known options: {', '.join(_NAMES)}"
        problems.append(
            Problem("E003", f"{subject}.Meta.{name}", "is not an option", hint, channel)
        )
    options = replace(inherited, abstract=False, graphql_name=None)

    def add(code: str, name: str, found: str, hint: str) -> None:
        problems.append(Problem(code, f"{subject}.Meta.{name}", found, hint, channel))

    for name in _BOOLEANS:
        if name in given:
            if isinstance(given[name], bool):
                options = replace(options, **{name: given[name]})
            else:
                add("E019", name, f"is {given[name]!r}", "write True or False")
    if "cache_ttl" in given:
        ttl = given["cache_ttl"]
        if ttl is None or (isinstance(ttl, int) and not isinstance(ttl, bool) and ttl >= 0):
            options = replace(options, cache_ttl=ttl)
        else:
            add("E019", "cache_ttl", f"is {ttl!r}", "write seconds as an int, or None")
    if "graphql_name" in given:
        if isinstance(given["graphql_name"], str) and given["graphql_name"]:
            options = replace(options, graphql_name=given["graphql_name"])
        else:
            add("E019", "graphql_name", f"is {given['graphql_name']!r}", 'write a name: "Project"')
    if "state" in given:
        state, problem = _state(channel, given["state"])
        if problem is not None:
            problems.append(problem)
        else:
            options = replace(options, state=state, many=_is_many(given["state"]))
    elif options.state is None and not options.abstract:
        add("E001", "state", "is missing", "set it to a serializer instance, or abstract = True")
    if "writable" in given:
        writable, found = _writable(channel, given["writable"])
        problems.extend(found)
        options = replace(options, writable=writable)
    runtime = vars(channel).get("RuntimeState", options.runtime_state)
    if runtime is not None and not is_typeddict(runtime):
        problems.append(
            Problem(
                "E018",
                f"{subject}.RuntimeState",
                "is not a TypedDict",
                "write class RuntimeState(TypedDict): ...",
                channel,
            )
        )
        runtime = None
    return replace(options, runtime_state=runtime), problems


def _meta(channel: type[Any]) -> dict[str, Any]:
    """Return what the class's own ``Meta`` says, what that Meta inherits included."""
    meta = vars(channel).get("Meta")
    if meta is None:
        return {}
    given: dict[str, Any] = {}
    for base in reversed(meta.__mro__[:-1]):
        given.update({k: v for k, v in vars(base).items() if not k.startswith("__")})
    if "abstract" not in vars(meta):
        given.pop("abstract", None)
    return given


def _is_many(state: State) -> bool:
    return isinstance(state, serializers.ListSerializer)


def _state(channel: type[Any], state: State) -> tuple[State, Problem | None]:
    subject = f"{dotted(channel)}.Meta.state"
    if isinstance(state, type):
        name = state.__name__
        return None, Problem(
            "E001",
            subject,
            f"is the class {name}",
            f"pass an instance: {name}()",
            channel,
        )
    single = state.child if _is_many(state) else state
    if not isinstance(single, serializers.ModelSerializer):
        return None, Problem(
            "E002",
            subject,
            f"is a {type(single).__name__}, not a ModelSerializer",
            "pass an instance of a ModelSerializer subclass",
            channel,
        )
    return single, None


def _writable(
    channel: type[Any], value: Any
) -> tuple[dict[type[Any], frozenset[Operation]], list[Problem]]:
    subject = f"{dotted(channel)}.Meta.writable"
    example = "write {TaskSerializer: [SAVE, CREATE, DELETE]} (from rxgraph.operations)"
    if not isinstance(value, Mapping):
        return {}, [Problem("E011", subject, f"is a {type(value).__name__}", example, channel)]
    writable: dict[type[Any], frozenset[Operation]] = {}
    problems: list[Problem] = []
    for serializer, operations in value.items():
        if not (isinstance(serializer, type) and issubclass(serializer, serializers.Serializer)):
            found = f"has the key {serializer!r}, not a serializer class"
            problems.append(Problem("E011", subject, found, example, channel))
            continue
        known = {Operation.__members__.get(str(item)) for item in _items(operations)}
        if None in known or not known:
            found = f"grants {operations!r} for {serializer.__name__}, not a list of operations"
            problems.append(Problem("E011", subject, found, example, channel))
            continue
        writable[serializer] = frozenset(item for item in known if item is not None)
    return writable, problems


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple, set, frozenset)) else (None,)
