"""A server process prepares Python for itself, once, and leaves what the project has set."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import gc, json, sys
{before}
from rxgraph.serve import tuning
kept = [[] for _ in range(1000)]
first, again = tuning.tune(), tuning.tune()
print(json.dumps([first, again, gc.get_freeze_count() > 1000, gc.get_threshold(),
    round(sys.getswitchinterval(), 4)]))
"""


def tuned(before: str = "") -> list[object]:
    """Tune a process of its own."""
    command = [sys.executable, "-c", CODE.format(before=before)]
    found: list[object] = json.loads(subprocess.check_output(command, text=True))  # noqa: S603
    return found


def test_what_is_there_is_left_out_of_collections_and_threads_switch_sooner() -> None:
    assert tuned() == [True, False, True, [5000, 10, 20], 0.001]


@pytest.mark.parametrize("thresholds", [(900, 5, 5), (0, 0, 0)])
def test_what_the_project_has_set_stays(thresholds: tuple[int, ...]) -> None:
    before = f"gc.set_threshold{thresholds}; sys.setswitchinterval(0.02)"
    assert tuned(before)[3:] == [list(thresholds), 0.02]
