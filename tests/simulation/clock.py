"""Virtual time and names for a whole process: what the real code gets from ``time`` and ``uuid``.

``install`` comes before anything of RxGraph is imported, in a process that does nothing else.
"""

from __future__ import annotations

import time
import uuid

#: The clock of the machine, for who measures how fast a simulation is.
real_seconds = time.perf_counter

BEGIN = 1_700_000_000.0


class Clock:
    """What time it is, in the world that runs and on the machine whose code does."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.skew = 0.0
        self.names = 0

    def time(self) -> float:
        """Return Unix seconds by the clock of the machine that asks."""
        return self.now + self.skew

    def monotonic(self) -> float:
        """Return seconds that no machine's clock is wrong about."""
        return self.now

    def uuid4(self) -> uuid.UUID:
        """Return a name that is new in this world."""
        self.names += 1
        return uuid.UUID(int=self.names << 64 | self.names)


clock = Clock()


def install() -> None:
    """Let this process live in virtual time from now on."""
    time.time = clock.time
    time.monotonic = clock.monotonic
    uuid.uuid4 = clock.uuid4
