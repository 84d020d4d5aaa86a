"""The servers that are audited: the board, as open as the audits need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.board import Board, serving_board
from tests.integration.servers import Server, environment, serving

#: Audits ask for ``__type``, and wait for whoever does not say hello.
OPEN = {"EXPLORE": True, "INIT_TIMEOUT_SECONDS": 1.0}
_ODD = {"TEST_APPS": "tests.conformance.odd"}


@contextmanager
def audited_board(folder: Path) -> Iterator[Board]:
    """Serve a board with the defaults, as far as audits can do with them."""
    with serving_board(folder, rxgraph=OPEN, environ=_ODD) as board:
        yield board


@contextmanager
def served_over_get(folder: Path) -> Iterator[Server]:
    """Serve the board in *folder* once more, with queries over GET."""
    found = environment(database=folder / "db.sqlite3", rxgraph={**OPEN, "QUERIES_OVER_GET": True})
    with serving(found, folder / "get.log") as server:
        yield server


def troubles(log: str) -> list[str]:
    """Return the lines of a server's log that no audit should cause."""
    lines = [line for line in log.splitlines() if line.strip()]
    found = []
    while lines:
        line = lines.pop(0)
        if "Invalid UTF-8 sequence" in line:  # uvicorn tells what it refuses, with its traceback
            while lines and not lines.pop(0).startswith("UnicodeDecodeError"):
                pass
        elif "Traceback" in line or "never retrieved" in line or "Internal error" in line:
            found.append(line)
    return found
