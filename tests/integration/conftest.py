"""What tests with a cluster share; each module declares ``here``, the cluster it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration import board_work as work
from tests.integration.board_clients import close_all
from tests.integration.cluster import Cluster, Process


@pytest.fixture(scope="module")
def shell(here: Cluster) -> Process:
    """A process that serves nobody."""
    return here.process()


@pytest.fixture
def board(shell: Process) -> dict[str, Any]:
    """A project of its own for each test."""
    made: dict[str, Any] = shell.call(work.make_board)
    return made


@pytest.fixture(autouse=True)
async def _nobody_stays() -> AsyncIterator[None]:
    yield
    await close_all()
