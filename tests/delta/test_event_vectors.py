"""The event vectors that clients replay: what the server's algebra yields, and what it means."""

from __future__ import annotations

import json

import pytest

from rxgraph.testing import Fold
from tests.delta.event_vectors import FOLDER, scripts

NAMES = sorted(scripts())


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_are_what_the_algebra_yields(name: str) -> None:
    """After a change on purpose: ``python -m tests.delta.event_vectors`` writes them anew."""
    assert (FOLDER / f"{name}.json").read_text() == scripts()[name].as_json()


@pytest.mark.parametrize("name", NAMES)
def test_folding_the_vectors_gives_their_states(name: str) -> None:
    vectors = json.loads((FOLDER / f"{name}.json").read_text())
    fold = Fold()
    for step in vectors["steps"]:
        fold.apply(step["event"])
        assert fold.state == step["state"], step["note"]
