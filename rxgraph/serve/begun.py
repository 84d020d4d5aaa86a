"""Run an awaitable as far as it goes without waiting.

Most sends to a socket never wait. A task for each of them would cost more than the sending does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any


def begun(awaitable: Awaitable[Any]) -> Awaitable[None] | None:
    """Run *awaitable* until it waits; answers the rest of it, to be awaited, or None: it is done.

    What it raises until then is raised here. It must not ask which task it runs in.
    """
    steps = awaitable.__await__()
    try:
        waits_for = next(steps)
    except StopIteration:
        return None
    return _Rest(steps, waits_for)


class _Rest:
    """What is left of an awaitable that has begun; await it once."""

    __slots__ = ("_steps", "_waits_for")

    def __init__(self, steps: Generator[Any, Any, Any], waits_for: Any) -> None:
        self._steps, self._waits_for = steps, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        steps, waits_for = self._steps, self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except GeneratorExit:
                    steps.close()
                    raise
                except BaseException as error:  # noqa: BLE001  # a cancellation, most of the time
                    waits_for = steps.throw(error)
                else:
                    waits_for = next(steps) if answer is None else steps.send(answer)
        except StopIteration:
            return
