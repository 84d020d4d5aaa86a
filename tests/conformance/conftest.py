"""One board for all audits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.served import audited_board, troubles
from tests.integration.board import Board


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """Serve the board."""
    with audited_board(tmp_path_factory.mktemp("audited")) as board:
        yield board
    assert troubles(board.server.log) == [], board.server.log
