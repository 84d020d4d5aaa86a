"""What this process has used so far of the machine, whatever side it is of."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any


def usage() -> dict[str, Any]:
    """Return processor seconds, resident bytes now, and the most they ever were."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_bytes": _resident_bytes() or peak,
        "peak_bytes": peak,
    }


def _resident_bytes() -> int:
    """Return 0 where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else 0
