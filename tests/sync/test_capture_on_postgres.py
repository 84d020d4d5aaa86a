"""The same capture tests on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.integration
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="DATABASE_URL is not set")
def test_capture_and_intents_on_postgres():
    suites = sorted(HERE.glob("test_capture*.py"))
    suites += [HERE / "test_intents.py", HERE / "test_sweeping.py"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + ["--ds=tests.sync.captured.postgres"]
        + [str(suite) for suite in suites if suite.name != Path(__file__).name],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
