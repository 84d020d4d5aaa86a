"""The example in docs/testing.md is a test module that passes as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages import DOCS, files_of, run_page

PAGE = (DOCS / "testing.md").read_text()


@pytest.mark.slow
def test_the_example_passes(tmp_path: Path) -> None:
    assert list(files_of("testing.md")) == ["test_board.py"]
    assert "3 passed" in run_page("testing.md", None, tmp_path)


def test_every_name_on_the_page_is_there() -> None:
    import rxgraph.testing
    from rxgraph.testing import Subscription, SubscriptionClient

    for name in re.findall(r"`await client\.(\w+)\(", PAGE):
        assert hasattr(SubscriptionClient, name), name
    for name in re.findall(r"`await subscription\.(\w+)\(", PAGE):
        assert hasattr(Subscription, name), name
    errors = PAGE.partition("## Errors")[2]
    for name in re.findall(r"`([A-Z]\w+)`", errors):
        if name != "AssertionError":
            assert issubclass(getattr(rxgraph.testing, name), AssertionError)
