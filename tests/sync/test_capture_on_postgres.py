"""The same capture tests on PostgreSQL, by the ORM and by triggers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


BY_ORM, BY_TRIGGERS = "postgres", "triggered"
CAPTURE = [path for path in sorted(HERE.glob("test_capture*.py")) if path != Path(__file__)]
SUITES = {
    "orm": (BY_ORM, [*CAPTURE, HERE / "test_intents.py", HERE / "test_sweeping.py"]),
    "triggers": (BY_TRIGGERS, [HERE / "test_capture.py", HERE / "test_triggers.py"]),
    "more triggers": (BY_TRIGGERS, [HERE / "test_capture_transactions.py"]),
}


@pytest.mark.integration
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="DATABASE_URL is not set")
@pytest.mark.parametrize(
    "suite", ["orm", "triggers", pytest.param("more triggers", marks=pytest.mark.slow)]
)
def test_capture_and_intents_on_postgres(suite):
    settings, paths = SUITES[suite]
    arguments = [f"--ds=tests.sync.captured.{settings}", *map(str, paths)]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
