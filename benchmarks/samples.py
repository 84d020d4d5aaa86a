"""What a sampling profiler saw: stacks in, shares of the time by package and by function out.

Input is the raw format of py-spy: one stack a line, outermost first, frames by ``;``, and a count.
A frame is ``function (file:line)``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_THREAD = re.compile(r"thread \(|process \d")
_FRAME = re.compile(r"^(?P<function>.*) \((?P<file>[^()]*?)(:\d+)?\)$")

#: The packages that a server of the benchmarks consists of, by what their files begin with; what is
#: generated for a schema has a name in brackets.
_PACKAGES = {
    "rxgraph": "RxGraph",
    "<rxgraph": "RxGraph, generated",
    "<rows": "RxGraph, generated",
    "graphql": "graphql-core",
    "strawberry": "Strawberry",
    "channels": "Channels",
    "asgiref": "asgiref",
    "uvicorn": "uvicorn and websockets",
    "websockets": "uvicorn and websockets",
    "asyncio": "asyncio",
    "selectors": "asyncio",
    "django": "Django",
    "rest_framework": "Django",
    "psycopg": "psycopg",
    "pymongo": "the MongoDB driver",
    "bson": "the MongoDB driver",
    "motor": "the MongoDB driver",
    "redis": "the Redis driver",
    "benchmarks": "the benchmark",
}
OTHER = "the rest of Python"


def by_package(lines: Iterable[str]) -> Counter[str]:
    """Return the samples of each package: of the innermost frame."""
    found: Counter[str] = Counter()
    for frames, count in _stacks(lines):
        found[_package(frames[-1])] += count
    return found


def by_function(lines: Iterable[str]) -> Counter[str]:
    """Return the samples of each function: of the innermost frame, without its line.

    >>> by_function(["thread (1);run (a.py:3);step (b.py:4) 5", "thread (1);step (b.py:9) 2"])
    Counter({'step (b.py)': 7})
    """
    found: Counter[str] = Counter()
    for frames, count in _stacks(lines):
        found[_name(frames[-1])] += count
    return found


def below(lines: Iterable[str]) -> Counter[str]:
    """Return the samples that have a function anywhere, once each.

    >>> below(["thread (1);run (a.py:3);run (a.py:3);step (b.py:4) 5"])["run (a.py)"]
    5
    """
    found: Counter[str] = Counter()
    for frames, count in _stacks(lines):
        for name in {_name(frame) for frame in frames}:
            found[name] += count
    return found


def _stacks(lines: Iterable[str]) -> Iterable[tuple[list[str], int]]:
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        frames = [frame for frame in stack.split(";") if frame and not _THREAD.match(frame)]
        if frames:
            yield frames, int(count)


def _name(frame: str) -> str:
    match = _FRAME.match(frame)
    return f"{match['function']} ({match['file']})" if match else frame


def _package(frame: str) -> str:
    match = _FRAME.match(frame)
    file = match["file"] if match else frame
    top = re.split(r"[/ >]", file, maxsplit=1)[0]
    return _PACKAGES.get(top, OTHER)
