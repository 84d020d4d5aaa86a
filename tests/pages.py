"""Run the application of a documentation page as it stands there, with the page's own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
DJANGO_SETTINGS_MODULE = page_settings
django_find_project = false
pythonpath = {root} .
"""
SETTINGS = """
from tests.settings import *
"""
APP = """
INSTALLED_APPS = [*INSTALLED_APPS, "{app}"]
"""


def files_of(page: str) -> dict[str, str]:
    """Return path → content of the Python files on a page, in their order."""
    text = (DOCS / page).read_text()
    pattern = r"^```python\n# ([\w/]+\.py)\n(.*?)^```"
    return dict(re.findall(pattern, text, flags=re.DOTALL | re.MULTILINE))


def run_page(page: str, app: str | None, folder: Path) -> str:
    """Write the files of a page into *folder*, run its tests, and return what pytest prints.

    *app* is the Django application that they make, if they make one; its tables are made without
    migrations.
    """
    extra = {"page_settings.py": SETTINGS}
    if app is not None:
        (folder / app).mkdir()
        extra["page_settings.py"] += APP.format(app=app)
        extra[f"{app}/__init__.py"] = ""
    for name, text in {**files_of(page), **extra}.items():
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text(INI.format(root=DOCS.parent))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "PYTEST_"))},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
