"""A page with what this process has used so far: processor, memory, statements, store commands."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from benchmarks.project.board import counting
from benchmarks.project.usage import usage as of_the_machine


async def report(request: HttpRequest) -> JsonResponse:
    """Return ``usage()`` as JSON."""
    return JsonResponse(usage())


def usage() -> dict[str, Any]:
    """Return processor seconds, resident bytes, and counts and seconds by kind."""
    return of_the_machine() | {
        "statements": dict(counting.statements),
        "commands": dict(counting.commands),
        "groups": dict(counting.groups),
        "checks": dict(counting.checks),
        "seconds": dict(counting.seconds),
    }
