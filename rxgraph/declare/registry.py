"""Which channels are declared: filled by class creation, read by every later stage.

Names are ``module.QualName``; the order is that of the names, so that it never depends on imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from rxgraph.declare.problems import DeclarationProblems, Problem
from rxgraph.errors import DeclarationError

if TYPE_CHECKING:
    from rxgraph.declare.channel import ContextChannel

_channels: dict[str, type[ContextChannel]] = {}
_failures: list[Problem] = []


def register(channel: type[ContextChannel]) -> None:
    """Make *channel* known under its name; a class declared anew replaces its former self."""
    _channels[channel.name] = channel


def channels() -> tuple[type[ContextChannel], ...]:
    """Return the declared channels that are not abstract, ordered by name."""
    return tuple(_channels[name] for name in sorted(_channels))


def get(name: str) -> type[ContextChannel]:
    """Return the channel registered as *name*.

    Raises:
        KeyError: there is none.
    """
    return _channels[name]


def discover() -> None:
    """Import ``<app>.channels`` of every installed app.

    A declaration that is wrong is kept for the system checks (see :func:`failures`), so that
    ``manage.py check`` can report it; any other error of such a module is raised as it is.
    """
    _failures.clear()
    for config in apps.get_app_configs():
        if config.module is None or not module_has_submodule(config.module, "channels"):
            continue
        try:
            import_module(f"{config.name}.channels")
        except DeclarationProblems as error:
            _failures.extend(error.problems)
        except DeclarationError as error:
            _failures.append(Problem("E016", error.subject, error.found, error.hint))


def failures() -> tuple[Problem, ...]:
    """Return what was wrong with the declarations that :func:`discover` could not import."""
    return tuple(_failures)


@contextmanager
def isolated() -> Iterator[None]:
    """Start with no channels, and put the former ones back at the end: for tests."""
    kept, kept_failures = dict(_channels), list(_failures)
    _channels.clear()
    _failures.clear()
    try:
        yield
    finally:
        _channels.clear()
        _channels.update(kept)
        _failures[:] = kept_failures
