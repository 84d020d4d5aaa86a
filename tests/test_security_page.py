"""``docs/security.md``: its application passes its tests, and it links where it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import DOCS, run_page


@pytest.mark.slow
def test_the_application_passes_its_tests(tmp_path: Path) -> None:
    assert "5 passed" in run_page("security.md", None, tmp_path)


def test_it_is_found_from_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text()
    assert "(docs/security.md" in readme
    assert "(SECURITY.md)" in readme
