"""Judge the hooks of a channel class by their shape alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from rxgraph.declare.problems import Problem, dotted

#: Hook → how many positional parameters it is called with, ``self`` not counted.
HOOKS = {
    "has_permission": 1,
    "get_instance_id": 0,
    "list_instances": 0,
    "is_visible": 1,
    "on_connect": 1,
    "on_disconnect": 0,
    "can_save": 2,
    "can_create": 3,
    "can_delete": 1,
}
#: Hooks that are given the channel's arguments by name as well.
NAMED = ("has_permission", "get_instance_id", "list_instances")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_hooks(channel: type[Any], *, many: bool) -> list[Problem]:
    """Return what is wrong with the hooks that *channel* itself defines."""
    return list(_problems(channel, many))


def _problems(channel: type[Any], many: bool) -> Iterator[Problem]:
    for hook, count in HOOKS.items():
        declared = vars(channel).get(hook)
        if declared is None:
            continue
        subject = f"{dotted(channel)}.{hook}"
        if hook == "has_permission" and not isinstance(declared, staticmethod):
            yield Problem(
                "E012", subject, "is not a static method", "put @staticmethod above it", channel
            )
            continue
        if hook != "has_permission" and not inspect.isfunction(declared):
            yield Problem("E012", subject, "is not a method", f"write def {hook}(self)", channel)
            continue
        function = inspect.unwrap(getattr(declared, "__func__", declared))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            yield Problem(
                "E012", subject, "is a generator", "return the answer; def or async def", channel
            )
            continue
        wanted = count + (hook != "has_permission")
        if not _accepts(function, wanted, exact=hook not in NAMED):
            signature = inspect.signature(function)
            shape = "self" if hook != "has_permission" else "user"
            yield Problem(
                "E012",
                subject,
                f"has the signature {signature}",
                f"it is called with {count} positional argument(s): {_example(hook, shape)}",
                channel,
            )
    base = next(c for c in channel.__mro__ if "list_instances" in vars(c))
    if many and base.__module__ == "rxgraph.declare.channel":
        yield Problem(
            "E012",
            dotted(channel),
            "is a list channel without list_instances",
            "write def list_instances(self): return a queryset or a list of ids",
            channel,
        )


def _accepts(function: Any, count: int, *, exact: bool) -> bool:
    parameters = list(inspect.signature(function).parameters.values())
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return True
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    if len(positional) < count:
        return False
    required = [p for p in positional[count:] if p.default is inspect.Parameter.empty]
    return not (exact and required)


def _example(hook: str, first: str) -> str:
    return {
        "has_permission": "def has_permission(user, project_id: int)",
        "is_visible": "def is_visible(self, instance_id)",
        "on_connect": "def on_connect(self, tstamp)",
        "can_save": "def can_save(self, instance, data)",
        "can_create": "def can_create(self, model_class, parent, data)",
        "can_delete": "def can_delete(self, instance)",
    }.get(hook, f"def {hook}({first})")
