"""How many files, and so connections, a process may have open; what it starts inherits that."""

from __future__ import annotations

import resource


def open_files(wanted: int) -> int:
    """Raise the limit of open files to *wanted*, as far as the hard one allows; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
