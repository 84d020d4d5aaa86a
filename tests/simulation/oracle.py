"""Hold every state that a client shows against the history of the database.

Rules: a state shown is one that the database had; what was gone before somebody asked is not in
the first state that he is shown, unless the store has lost what it knew; nobody who hands back a
cursor is ever taken back to an older one; nothing is given up for lost that is not; at the end
everybody shows the newest.
"""

from __future__ import annotations

import ast
from typing import Any

from rxgraph.compile.channel_types import ChannelEventKind
from rxgraph.serve.cursor import decode
from rxgraph.serve.sources import EventSource
from rxgraph.types import Document, InstanceKey
from tests.simulation.database import Database, Shown
from tests.simulation.declared import key_of


class Wrong(Exception):
    """A client was shown what it must not be shown, or something broke."""


class Screen:
    """What one client makes of its events, and what it showed last."""

    def __init__(self, database: Database, board: str) -> None:
        self._database, self.board = database, board
        self._root = InstanceKey("Board", board)
        self._documents: dict[InstanceKey, Document] = {}
        self._last = 0  # the oldest version of the database that it may show
        self._asked_at: int | None = None  # the version of the database when it asked, until shown
        self.state: Shown | None = None
        self.cursor: str | None = None
        self.is_void = True  # the cursor is none that can be resumed

    def start_over(self) -> None:
        """Forget everything, as a page that is loaded anew."""
        self.state, self.cursor, self._last = None, None, 0
        self._documents = {}

    def ask(self) -> None:
        """Be about to open a stream: what is shown next is as the database is now, or later."""
        self._asked_at = self._database.versions

    def take(self, event: EventSource) -> bool:
        """Fold one event as a client does; answers whether it shows a state now.

        Raises:
            Wrong: that state must not be shown.
        """
        if event.kind is ChannelEventKind.RESET:
            self.cursor, self.is_void = event.cursor, True
            return False
        if event.kind is ChannelEventKind.MESSAGE:
            return False
        if event.channel is not None and event.channel.view is None:
            raise Wrong(f"board {self.board} was said to be gone")
        self.cursor, self.is_void = event.cursor, False
        changed = {d.key: d for group in event.changed.by_type().values() for d in group}
        if event.kind is ChannelEventKind.SNAPSHOT:
            self._documents = changed
        else:
            self._documents.update(changed)
            for source in event.removed:
                self._documents.pop(source.key, None)
        self._judge()
        return True

    def forgive(self) -> None:
        """Let it be taken back: it has handed back no cursor that says where it was."""
        self._last = 0

    def _judge(self) -> None:
        self.state = state = self._nested()
        versions = self._database.history[self.board].get(state)
        if versions is None:
            raise Wrong(f"a state of board {self.board} that never was: {_difference(self)}")
        if versions[-1] < self._last:
            raise Wrong(f"board {self.board} went back from version {self._last} to {versions[-1]}")
        self._last = next(version for version in versions if version >= self._last)

    def require_fresh(self) -> None:
        """Return if the first state after a question has nothing that was gone before it.

        Raises:
            Wrong: it has.
        """
        since, self._asked_at = self._asked_at, None
        if since is None or self.state is None:
            return
        states = self._database.history[self.board].items()
        later = frozenset[Any]().union(*(found for found, at in states if at[-1] >= since))
        stale = self.state - later
        if stale and not {*map(_own, stale)} <= {*map(_own, later)}:
            raise Wrong(
                f"board {self.board} was shown with what was gone before it was asked for:"
                f" {' '.join(text for _, text in sorted(stale))}"
            )

    def _nested(self) -> Shown:
        found: dict[InstanceKey, str] = {}
        frontier = [self._root]
        documents, token = self._documents, self._database.token
        while frontier:
            key = frontier.pop()
            document = None if key in found else documents.get(key)
            if document is not None:
                found[key] = token(document.data)
                frontier.extend(document.links)
        return frozenset(found.items())

    @property
    def is_current(self) -> bool:
        """True when it shows what the database has now."""
        return self.state == self._database.shown(self.board)

    @property
    def place(self) -> str:
        """Return where it stands, for a trace."""
        if self.cursor is None:
            return "nothing"
        cursor = decode(self.cursor, key_of(self.board))
        return f"g{cursor.generation % 10**6} {cursor.position} of version {self._last}"

    def difference(self) -> str:
        """Return in what it differs from the database."""
        return _difference(self)


def _own(shown: tuple[InstanceKey, str]) -> tuple[InstanceKey, str]:
    """Return an instance without its lists: they may lack what came a moment ago."""
    key, text = shown
    data = ast.literal_eval(text)
    return key, repr({name: value for name, value in data.items() if not isinstance(value, list)})


def _difference(screen: Screen) -> str:
    shown = screen.state or frozenset()
    now = screen._database.shown(screen.board)
    only = " ".join(text for _, text in sorted(shown - now))
    lacks = " ".join(text for _, text in sorted(now - shown))
    return f"shown {only or 'nothing else'}, where the database has now {lacks or 'nothing else'}"
