"""What a run asks of the processes it has started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from rxgraph.serve.runtime import _runtimes
from tests.faults import layers, points
from tests.integration import board_work


def order(point: str, action: str, skip: int, seconds: float) -> None:
    """Give an order to this process; see ``points.order``."""
    points.order(point, action, skip, seconds)


def disarm() -> dict[str, int]:
    """Take all orders back; see ``points.disarm``."""
    return points.disarm()


def fill(seconds: float) -> None:
    """Let the channel layer of this process be full."""
    layers.fill(seconds)


def clear(project_id: int) -> bool:
    """Clear a board's cache."""
    return board_work.clear(project_id)


def standing() -> str:
    """Return what the tasks of this server wait for, and where its replicas stand."""
    lines = []
    for loop, runtime in list(_runtimes.items()):
        for stream in runtime.contexts:
            lines.append(f"stream {stream.session} at {stream.cursor}")
            for name in ("_backlog", "_entries", "_worker", "_must_recheck", "_is_in_doubt"):
                lines.append(f"    {name}: {getattr(stream, name, None)!r:.500}")
        for key, replica in list(runtime.hub.replicas.items()):
            where = f"generation {replica.generation}, position {replica.position}"
            lines.append(f"{key}: {where}, {len(replica.receivers)} receivers")
        for task in asyncio.all_tasks(loop):
            lines.append(f"task {task.get_name()}: {task!r:.300}")
            lines += [f"    {place}" for place in _waits(task.get_coro())]
    return "\n".join(lines)


def _waits(waiting: Any) -> Iterator[str]:
    """Yield where a coroutine stands, and where what it waits for does."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None:
            yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        elif not hasattr(waiting, "cr_await"):
            yield f"{waiting!r:.300}"
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
