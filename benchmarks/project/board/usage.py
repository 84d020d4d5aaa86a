"""What this process has used so far: processor, memory, statements, store commands."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

from django.http import HttpRequest, JsonResponse

from benchmarks.project.board import counting


async def report(request: HttpRequest) -> JsonResponse:
    """Return ``usage()`` as JSON."""
    return JsonResponse(usage())


def usage() -> dict[str, Any]:
    """Return processor seconds, resident bytes, and counts and seconds by kind."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_bytes": _resident_bytes(used.ru_maxrss),
        "statements": dict(counting.statements),
        "commands": dict(counting.commands),
        "groups": dict(counting.groups),
        "checks": dict(counting.checks),
        "seconds": dict(counting.seconds),
    }


def _resident_bytes(peak: int) -> int:
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return peak if sys.platform == "darwin" else peak * 1024  # the most it ever was
