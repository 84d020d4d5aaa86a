"""The example in docs/testing.md is a test module that passes as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "testing.md").read_text()

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
DJANGO_SETTINGS_MODULE = tests.settings
django_find_project = false
pythonpath = {root}
"""


def test_the_example_passes(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == ["test_board.py"]
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text(INI.format(root=ROOT))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "PYTEST_"))},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_every_name_on_the_page_is_there() -> None:
    import rxgraph.testing
    from rxgraph.testing import Subscription, SubscriptionClient

    for name in re.findall(r"`await client\.(\w+)\(", PAGE):
        assert hasattr(SubscriptionClient, name), name
    for name in re.findall(r"`await subscription\.(\w+)\(", PAGE):
        assert hasattr(Subscription, name), name
    errors = PAGE.partition("## Errors")[2]
    for name in re.findall(r"`([A-Z]\w+)`", errors):
        if name != "AssertionError":
            assert issubclass(getattr(rxgraph.testing, name), AssertionError)
