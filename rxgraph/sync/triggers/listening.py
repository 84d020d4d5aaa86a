"""LISTEN for intents on behalf of the process that sweeps a database.

One connection and one thread for each database. What is heard is a wake-up and no more: whoever is
woken reads the log, and what is not heard is swept a moment later.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

from rxgraph.sync.triggers.sql import CHANNEL

logger = logging.getLogger("rxgraph.sync")

_LOOK_SECONDS = 0.5  # between two looks at whether it is over
_PROBE_LOOKS = 60  # after which a silent connection is tried
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0


class Listeners:
    """Calls *wake* from a thread whenever somebody has left an intent."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._listeners: dict[str, Listener] = {}

    def keep(self, aliases: Iterable[str]) -> None:
        """Listen to these databases and to no other."""
        wanted = set(aliases)
        for using in set(self._listeners) - wanted:
            self._listeners.pop(using).close()
        for using in wanted - set(self._listeners):
            self._listeners[using] = Listener(using, self._wake)

    def close(self) -> None:
        """Stop listening."""
        self.keep(())


class Listener:
    """Listens to one database, and again when the connection breaks."""

    def __init__(self, using: str, wake: Callable[[], object]) -> None:
        self._using, self._wake = using, wake
        self._is_over = threading.Event()
        #: Set while the database is listened to.
        self.is_listening = threading.Event()
        name = f"rxgraph listen {using}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; the thread ends within a second."""
        self._is_over.set()

    def join(self, timeout_seconds: float = 5.0) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        pause, is_down = _SHORTEST_PAUSE_SECONDS, False
        while not self._is_over.is_set():
            # One of its own: the thread's connections are the application's, with its settings.
            connection = connections[self._using].copy()
            try:
                connection.ensure_connection()
                raw: Any = connection.connection
                raw.execute(f"LISTEN {CHANNEL}")
                self.is_listening.set()
                if is_down:
                    logger.info("%r is listened to again", self._using)
                pause, is_down = _SHORTEST_PAUSE_SECONDS, False
                self._wake()  # to what came before
                self._listen(raw)
            except Exception as error:  # noqa: BLE001 - whatever it is, the sweeper goes on
                if not is_down and not self._is_over.is_set():  # once per outage
                    logger.error(
                        "%r is not listened to, so what others write comes later: %s",
                        self._using,
                        str(error).strip(),
                    )
                is_down = True
                self._is_over.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            finally:
                self.is_listening.clear()
                connection.close()
        connections.close_all()

    def _listen(self, raw: Any) -> None:
        looks = 0
        while not self._is_over.is_set():
            looks += 1
            for _ in raw.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                looks = 0
                self._wake()
            if looks >= _PROBE_LOOKS:
                looks = 0
                raw.execute("SELECT 1")
