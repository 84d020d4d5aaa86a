"""Run a scenario in a browser: a Node script that drives Chromium, with pytest as its host.

The script asks by lines of JSON (``{"call": name, "args": {…}}``); what is called does something
to the server and returns the answer. Pictures are kept in ``.pictures/`` for people to look at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PICTURES = ROOT / ".pictures"

TIMEOUT_SECONDS = 170  # pytest itself gives up after 180
PATIENCE_SECONDS = 30


def chromium() -> str:
    """Return the browser; without one the test is skipped, and fails where CI runs."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        missing("there is no chromium: install it, or name one in CHROMIUM")
    assert found
    return found


def node() -> str:
    """Return Node with the driver installed, under the same rule."""
    found = shutil.which("node")
    if not found or not (ROOT / "tests/clients/node_modules/playwright-core").is_dir():
        missing("run `npm --prefix tests/clients ci` first")
    assert found
    return found


def missing(what: str) -> None:
    """Skip a test for which *what* is not there; where CI runs, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: tests in a browser must run in CI")
    pytest.skip(what)


def run_scenario(
    script: str, calls: Mapping[str, Callable[..., Any]] | None = None, **options: Any
) -> dict[str, Any]:
    """Run ``tests/browser/<script>`` and return the facts it found.

    Raises:
        AssertionError: it failed; the message is what it wrote.
    """
    PICTURES.mkdir(exist_ok=True)
    given = {
        "chromium": chromium(),
        "pictures": str(PICTURES),
        "patience": PATIENCE_SECONDS * 1000,
        "name": script.removesuffix(".mjs"),
        **options,
    }
    process = subprocess.Popen(  # noqa: S603
        [node(), str(HERE / script), json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    alarm = threading.Timer(TIMEOUT_SECONDS, process.terminate)
    alarm.start()
    try:
        facts = _serve(process, calls or {})
        _, errors = process.communicate()
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
    assert process.returncode == 0, f"{script} failed:\n{errors}"
    return facts


def _serve(
    process: subprocess.Popen[str], calls: Mapping[str, Callable[..., Any]]
) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stdin is not None
    facts: dict[str, Any] = {}
    for line in process.stdout:
        said = json.loads(line)
        if "facts" in said:
            facts = said["facts"]
            continue
        try:
            reply = {"answer": calls[said["call"]](**said["args"])}
        except Exception as error:  # noqa: BLE001  # the scenario fails with it
            reply = {"error": repr(error)}
        process.stdin.write(json.dumps(reply) + "\n")
        process.stdin.flush()
    return facts
