"""The built pages in the tree are what their sources build: read them like a lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.running import ROOT, missing

FRONT_END = ROOT / "frontend_codegen"


@pytest.mark.parametrize(
    ("workspace", "built"),
    [
        ("graphiql", "rxgraph/serve/explorer/static"),
        ("demo", "channels_app/static/channels_app/board"),
    ],
)
def test_building_again_changes_nothing(tmp_path: Path, workspace: str, built: str) -> None:
    run(workspace, "vite", "build", "--logLevel", "warn", RXGRAPH_OUT=str(tmp_path))
    command = f"npm --prefix frontend_codegen/{workspace} run bundle"
    assert contents(tmp_path) == contents(ROOT / built), f"run `{command}` and commit {built}"


def run(workspace: str, tool: str, *arguments: str, **environ: str) -> None:
    """Run one of the front end's tools in a workspace."""
    path = FRONT_END / "node_modules/.bin" / tool
    if not shutil.which("node") or not path.exists():
        missing("run `npm --prefix frontend_codegen ci` first")
    done = subprocess.run(  # noqa: S603
        [str(path), *arguments],
        cwd=FRONT_END / workspace,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder*, by its path there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
