"""Whole suites on what production uses: PostgreSQL, MongoDB and Redis."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import service
from tests.integration.servers import ROOT

SUITES = {
    "convergence": ["tests/sync/test_convergence.py"],
    "anchor marks": ["tests/sync/test_anchor_marks.py"],
    "lists": [
        "tests/serve/test_lists.py",
        "tests/serve/test_list_writes.py",
        "tests/serve/test_catching_up.py",
    ],
    "churn of lists": [
        "tests/serve/test_desk.py",
        "tests/serve/test_list_churn.py",
        "-k",
        "not 200_lists",
    ],
    "rows": [
        *(f"tests/cache/test_rows{name}.py" for name in ("", "_faults", "_locate", "_shapes")),
        # what SQLite calls an error, and a count of queries that leaves out savepoints
        "--deselect=tests/cache/test_rows_faults.py::"
        "test_a_faulty_row_is_left_out_and_named_once_in_the_log[query-OperationalError]",
        "--deselect=tests/cache/test_rows_shapes.py::"
        "test_a_tree_takes_one_query_per_layer_and_one_per_table_between",
    ],
}


#: Where triggers of the database see what is written, instead of the ORM.
TRIGGERED = {
    "convergence by triggers": ["tests/sync/test_convergence.py"],
    "lists by triggers": ["tests/serve/test_lists.py", "tests/serve/test_catching_up.py"],
    "writes to lists by triggers": ["tests/serve/test_list_writes.py"],
}
_SLOW = "crowd of lists"
_CROWD = ["tests/serve/test_list_churn.py", "-k", "200_lists"]


@pytest.mark.parametrize(
    "suite", [*SUITES, *TRIGGERED, pytest.param(_SLOW, marks=pytest.mark.slow)]
)
def test_the_suite_passes_on_the_services(suite: str) -> None:
    for name in ("DATABASE_URL", "MONGO_URL", "REDIS_URL"):
        service(name)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    settings = "suite_triggers" if suite in TRIGGERED else "suite_settings"
    paths = {**SUITES, **TRIGGERED}.get(suite, _CROWD)
    command += [f"--ds=tests.integration.{settings}", *paths]
    done = subprocess.run(  # noqa: S603
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
