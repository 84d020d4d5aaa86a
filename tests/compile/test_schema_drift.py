"""The committed contract is what the demo's channels compile to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMMITTED = "schema/schema.graphql"


def export(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "channels_app.settings"}
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", "export_sdl", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_committed_schema_has_not_drifted() -> None:
    done = export("--check", COMMITTED)
    assert done.returncode == 0, done.stdout + done.stderr


def test_drift_is_shown_as_a_diff(tmp_path: Path) -> None:
    drifted = tmp_path / "schema.graphql"
    drifted.write_text((ROOT / COMMITTED).read_text().replace("scalar Date\n", "scalar Day\n"))
    done = export("--check", str(drifted))
    assert done.returncode == 1
    assert "-scalar Day\n+scalar Date\n" in done.stdout


def test_it_is_printed_or_written(tmp_path: Path) -> None:
    written = tmp_path / "schema.graphql"
    assert export("--output", str(written)).returncode == 0
    assert export().stdout == written.read_text() == (ROOT / COMMITTED).read_text()
