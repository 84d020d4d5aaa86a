"""One board for all that is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzzing.target import Target, target


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Serve a board to fuzz."""
    with target(tmp_path_factory.mktemp("asked")) as found:
        yield found
        assert found.new_troubles() == []
