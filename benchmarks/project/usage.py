"""What this process has used so far of the machine, whatever side it is of."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any


def usage() -> dict[str, Any]:
    """Return processor seconds and resident bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_bytes": _resident_bytes(used.ru_maxrss),
    }


def _resident_bytes(peak: int) -> int:
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return peak if sys.platform == "darwin" else peak * 1024  # the most it ever was
