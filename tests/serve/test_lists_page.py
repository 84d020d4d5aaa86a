"""The application in docs/lists.md works, and passes its own tests, as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import files_of, run_page

pytestmark = pytest.mark.slow


def test_the_application_passes_its_tests(tmp_path: Path) -> None:
    names = ["racks/models.py", "racks/channels.py", "test_racks.py"]
    assert list(files_of("lists.md")) == names
    assert "2 passed" in run_page("lists.md", "racks", tmp_path)
