"""Django system checks: every wrong declaration in one run, each with a hint.

What needs compiling is examined by ``rxgraph.compile.checks``, which is reached by its name, as
``rxgraph.serve.origins`` is: imports point from these to declare. Those for production are in
``rxgraph.sync.deployment``.

====  ============================================================================
E001  ``Meta.state`` is missing, or a class instead of an instance
E002  ``Meta.state`` is no ``ModelSerializer``
E003  an option of ``Meta`` that does not exist
E004  an argument whose annotation is not supported, or that two hooks type differently
E005  two things claim one type name
E006  a field named ``id`` that is not the primary key
E007  a nested serializer on what is no relation, or on one of another kind
E008  a serializer that contains itself
E009  ``user_key`` names no column
E010  a name in ``RXGRAPH`` that does not exist
E011  ``writable`` names what is no operation, or no serializer of the state
E012  a hook of the wrong shape
E013  two fields of one GraphQL name
E014  a name that GraphQL, Python or RxGraph reserves
E015  two channels of one field name
E016  a serializer or module that cannot be read at all
E017  ``Meta.depth``
E018  ``RuntimeState`` is no ``TypedDict``
E019  an option of ``Meta`` of the wrong type
E020  two mutations, or two arguments of one, of one name
E021  ``writable`` grants SAVE of a serializer in which nothing can be set
E022  ``writable`` grants CREATE of what no relation of the state can hold
E024  an action that cannot be typed
E029  ``ALLOWED_ORIGINS`` holds what is no origin
E030  ``optimize_anchors`` of a root model that cannot have the column
E033  ``DOCUMENTS`` is neither "open" nor "trusted", or a list of trusted documents is missing
W001  the memory store while ``DEBUG`` is off
W003  a value that CREATE needs, and that clients cannot set
W004  a file in a writable serializer: left out of the inputs
====  ============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from rxgraph.declare import registry
from rxgraph.declare.arguments import read_arguments
from rxgraph.declare.problems import Problem
from rxgraph.settings import get_settings, unknown_names

TAG = "rxgraph"
COMPILED = "rxgraph.compile.checks.examine"
ORIGINS = "rxgraph.serve.origins.explain"


def register() -> None:
    """Register the checks with Django; harmless when done twice."""
    checks.register(check_declarations, TAG)


def check_declarations(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with the declared channels and with ``RXGRAPH``, as Django wants it."""
    examine: Callable[[], list[Problem]] = import_string(COMPILED)
    problems = [
        *check_settings(),
        *registry.failures(),
        *check_arguments(),
        *examine(),
    ]
    return messages(problems)


def messages(problems: Sequence[Problem]) -> list[checks.CheckMessage]:
    """Return *problems* as Django's messages, each once."""
    found: dict[tuple[str, str, str], checks.CheckMessage] = {}
    for problem in problems:
        make = checks.Error if problem.is_error else checks.Warning
        found.setdefault(
            (problem.code, problem.subject, problem.found),
            make(
                f"{problem.subject} {problem.found}",
                hint=problem.hint,
                obj=problem.obj,
                id=f"rxgraph.{problem.code}",
            ),
        )
    return list(found.values())


def check_settings() -> list[Problem]:
    """Return what is wrong with ``settings.RXGRAPH``."""
    problems = [
        Problem(
            "E010",
            f'RXGRAPH["{name}"]',
            "is not a setting",
            "see rxgraph/settings.py for the names",
        )
        for name in unknown_names(getattr(settings, "RXGRAPH", {}))
    ]
    problems += check_origins()
    problems += check_documents()
    if not settings.DEBUG and get_settings().is_memory:
        problems.append(
            Problem(
                "W001",
                'RXGRAPH["STORE"]',
                "is memory:// while DEBUG is off: it serves one process only",
                'set it to "mongodb://host/database" in production',
            )
        )
    return problems


def check_documents() -> list[Problem]:
    """Return what is wrong with the documents that are trusted."""
    conf = get_settings()
    if conf.documents not in ("open", "trusted"):
        found, hint = f"is {conf.documents!r}", "write 'open' or 'trusted'"
        return [Problem("E033", 'RXGRAPH["DOCUMENTS"]', found, hint)]
    if conf.documents == "open":
        return []
    missing = [path for path in conf.document_paths if not path.is_file()]
    return [
        Problem(
            "E033",
            'RXGRAPH["DOCUMENT_LISTS"]',
            f"names {path}, which is no file, while only trusted documents are served",
            "write it with manage.py makefrontend, or name the lists that there are",
        )
        for path in missing
    ]


def check_origins() -> list[Problem]:
    """Return what of ``ALLOWED_ORIGINS`` is no origin."""
    allowed = getattr(settings, "RXGRAPH", {}).get("ALLOWED_ORIGINS", ())
    explain: Callable[[object], str | None] = import_string(ORIGINS)
    found = explain(allowed)
    hint = 'write a list of "https://example.com", "https://*.example.com", or "*"'
    return [Problem("E029", 'RXGRAPH["ALLOWED_ORIGINS"]', found, hint)] if found else []


def check_arguments() -> list[Problem]:
    """Return what is wrong with the parameters of the channels' hooks."""
    return [problem for channel in registry.channels() for problem in read_arguments(channel)[1]]
