"""The server that is asked, what a client of it knows, and what it writes down meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.conformance.served import troubles
from tests.fuzzing.documents import Corpus
from tests.fuzzing.inputs import Writes
from tests.integration.board import Board, serving_board

#: A fuzzer is in more of a hurry than limits of this kind allow.
_SETTINGS = {
    "EXPLORE": True,
    "LINGER_SECONDS": 1,
    "OPERATIONS_PER_SECOND": None,
    "MUTATIONS_PER_SECOND": None,
    "CONNECTIONS_PER_USER": None,
}


@dataclass
class Target:
    """A served board, with what to ask it about."""

    board: Board
    corpus: Corpus
    writes: Writes
    cursors: list[str]
    _read: int = 0

    @property
    def init(self) -> dict[str, Any]:
        """A payload of ``connection_init`` that signs in."""
        return {"Authorization": f"Token {self.board.token('ann')}"}

    @property
    def good(self) -> dict[str, Any]:
        """An operation that is right."""
        return {"query": self.corpus.queries["project"], "variables": self.board.variables}

    def new_troubles(self) -> list[str]:
        """Return what the server has complained of since this was asked last."""
        log = self.board.server.log
        fresh, self._read = log[self._read :], len(log)
        return troubles(fresh)

    @property
    def memory_mb(self) -> float:
        """Resident memory of the server."""
        status = Path(f"/proc/{self.board.server.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def target(folder: Path) -> Iterator[Target]:
    """Serve a board to fuzz."""
    with serving_board(folder, rxgraph=_SETTINGS) as board:
        corpus = Corpus(board.sdl)
        ids = [
            board.project,
            board.task,
            *board.notes.values(),
            999,
            *(p["id"] for p in board.people.values()),
        ]
        cursors = [
            _cursor(board, corpus, name, who) for name in corpus.queries for who in ("ann", "bob")
        ]
        yield Target(board, corpus, Writes(board.sdl, corpus, ids, cursors), cursors)


def _cursor(board: Board, corpus: Corpus, name: str, who: str) -> str:
    body = {
        "query": corpus.queries[name],
        "variables": board.variables if name == "project" else {},
    }
    headers = {"Authorization": f"Token {board.token(who)}"}
    answer = httpx.post(board.server.graphql_url, json=body, headers=headers, timeout=30)
    cursor: str = json.loads(answer.content)["data"][name]["cursor"]
    return cursor
