"""Something that may be away: say so once, pace the attempts, and say when it is back.

An outage lasts from the first failure to the next success. What is logged of it are two lines,
however many attempts fail in between; the pauses between attempts grow, and are jittered, so that
those who wait for the same thing do not all come back to it at once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0

_jitter = random.Random()  # noqa: S311 - threads of their own draw from it: nobody else's numbers


def pause_after(failures: int, *, first: float, longest: float, jitter: float) -> float:
    """Return the seconds to wait after so many failures in a row; *jitter* is of [0, 1).

    At least half of what a doubling from *first* to *longest* says.

    >>> [pause_after(n, first=0.1, longest=2.0, jitter=1.0) for n in (1, 2, 3, 10)]
    [0.1, 0.2, 0.4, 2.0]
    """
    whole: float = min(longest, first * 2 ** min(failures - 1, 30))
    return whole * (0.5 + 0.5 * jitter)


class Outage:
    """The outages of one thing, one after the other; safe to use from several threads.

    *what* begins both lines: ``"MongoDB"``, ``"listening for wake-ups: the channel layer"``.
    """

    def __init__(
        self,
        what: str,
        *,
        logger: logging.Logger = logging.getLogger("rxgraph.outages"),  # noqa: B008
        longest_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _jitter.random,
    ) -> None:
        self._what, self._logger, self._longest = what, logger, longest_seconds
        self._clock, self._jitter = clock, jitter
        self._since: float | None = None
        self._in_a_row = 0
        #: Of all outages together.
        self.failures = 0

    @property
    def is_on(self) -> bool:
        """True from a failure to the next success."""
        return self._since is not None

    def failed(self, error: BaseException) -> float:
        """Count a failure; return the seconds to wait before the next attempt."""
        self.failures += 1
        self._in_a_row += 1
        if self._since is None:
            self._since = self._clock()
            reason = f"{type(error).__name__}: {error}"[:500]
            self._logger.warning("%s does not answer (%s)", self._what, reason)
        return pause_after(
            self._in_a_row,
            first=FIRST_PAUSE_SECONDS,
            longest=LONGEST_PAUSE_SECONDS if self._longest is None else self._longest,
            jitter=self._jitter(),
        )

    def over(self) -> None:
        """Note that it works."""
        since, self._since = self._since, None
        if since is not None:
            count, self._in_a_row = self._in_a_row, 0
            self._logger.warning(
                "%s answers again, after %.1f s and %d failures",
                self._what,
                self._clock() - since,
                count,
            )
