"""The same tests of writes on PostgreSQL, and those of writers that meet there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.integration
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="DATABASE_URL is not set")
def test_writes_on_postgres():
    suites = [str(suite) for suite in sorted(HERE.glob("test_*.py")) if suite != Path(__file__)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603
        [*command, "--ds=tests.sync.captured.postgres", *suites],
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
