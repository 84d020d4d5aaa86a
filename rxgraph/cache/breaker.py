"""Ask a store that is away no more than it takes to notice that it is back.

While a store does not answer, each request to it would take its whole timeout, and each save of
the application with it. After the first failure the *breaker* is open: requests fail at once, and a
thread of its own tries, with growing pauses, until the store answers. Nobody else ever waits for
such an attempt.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from rxgraph.errors import BackendAway
from rxgraph.outage import Outage


class Breaker:
    """Stands before the requests of one process to one store; safe to use from several threads.

    Law: after *probe* has answered, requests pass again; while it does not, none does.
    """

    def __init__(
        self,
        what: str,
        probe: Callable[[], object],
        *,
        outage: Outage | None = None,
        sleep: Callable[[float], object] = time.sleep,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """Prepare; *probe* asks the store for something small, and raises when it does not answer.

        *start* runs a function beside everything else.
        """
        self._what, self._probe, self._sleep = what, probe, sleep
        self._outage = outage or Outage(what)
        self._start = start or _start_thread
        self._lock = threading.Lock()
        self._process: int | None = None  # that probes; None: requests pass
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """True while requests fail at once."""
        return self._process is not None

    def check(self) -> None:
        """Return if a request may pass.

        Raises:
            BackendAway: the store did not answer a moment ago.
        """
        if self._process is None:
            return
        if self._process != os.getpid():  # threads do not survive a fork
            self._open()
        raise BackendAway(f"{self._what} is away; it is being tried again")

    def failed(self, error: Exception) -> None:
        """Note that the store did not answer: nobody else asks it until it does."""
        if not self.is_open or self._process != os.getpid():
            self._outage.failed(error)
            self._open()

    def close(self) -> None:
        """Try no more: nobody needs the store."""
        self._is_closed = True

    def _open(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
        self._start(self._try_until_it_answers)

    def _try_until_it_answers(self) -> None:
        while not self._is_closed:
            try:
                self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer
                self._sleep(self._outage.failed(error))
            else:
                self._outage.over()
                self._process = None
                return


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="rxgraph probe", daemon=True).start()
