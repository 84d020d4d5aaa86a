"""The application in docs/live-contexts.md works, and passes its own tests, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from channels_app.channels import ProjectChannel
from channels_app.models import Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.sync.engine import get_engine
from tests.sync.test_signals import Heard

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "live-contexts.md").read_text()
FILES = ["presence/channels.py", "presence/receivers.py", "presence/apps.py", "test_presence.py"]

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

INSTALLED_APPS = [*INSTALLED_APPS, "presence"]
"""


def test_the_application_passes_its_tests(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```python\n# ([\w/]+\.py)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE
    )
    assert [name for name, _ in blocks] == FILES
    (tmp_path / "presence").mkdir()
    for name, text in [*blocks, ("presence/__init__.py", ""), ("page_settings.py", SETTINGS)]:
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
    assert "5 passed" in done.stdout


@pytest.mark.django_db(transaction=True)
def test_the_lines_that_tell_something_run_as_they_stand(django_user_model: type) -> None:
    engine = get_engine()
    engine.is_serving = True
    heard = Heard(engine)
    ann = django_user_model.objects.create_user("ann")  # type: ignore[attr-defined]
    project = Project.objects.create(name="Garden", owner=ann)
    names = {
        "DeskChannel": ProjectChannel,
        "ContextChannel": ContextChannel,
        "project": project,
        "ann": ann,
        "user_id": ann.pk,
        "task": Task.objects.create(project=project, title="Dig"),
    }
    lines = re.findall(r"^(?:Desk|Context)Channel\.\w+\(.*\).*$", PAGE, flags=re.MULTILINE)
    assert len(lines) == 6
    for line in lines:
        exec(line, names)  # noqa: S102
    assert len(heard) == 5  # an instance is read again, and told by a batch


def test_every_method_on_the_page_is_there() -> None:
    for name in re.findall(r"`await self\.(\w+)\(", PAGE):
        assert callable(getattr(ContextChannel, name)), name
    for name in re.findall(r"^`(\w+)\(", PAGE, flags=re.MULTILINE):
        assert callable(getattr(ContextChannel, name)), name
