"""What is committed of the front end is what the demo's channels make."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.management.front_end import ROOT, packages


def makefrontend(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "channels_app.settings"}
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", "makefrontend", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_the_committed_documents_have_not_drifted():
    done = makefrontend("--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.integration
@pytest.mark.slow
def test_the_committed_typescript_has_not_drifted():
    packages()
    done = makefrontend("--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "nothing would change\n"
