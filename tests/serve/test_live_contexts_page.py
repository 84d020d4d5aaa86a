"""The application in docs/live-contexts.md works, and passes its own tests, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from channels_app.channels import ProjectChannel
from channels_app.models import Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.sync.engine import get_engine
from tests.pages import DOCS, files_of, run_page
from tests.sync.test_signals import Heard

PAGE = (DOCS / "live-contexts.md").read_text()
FILES = ["presence/channels.py", "presence/receivers.py", "presence/apps.py", "test_presence.py"]


@pytest.mark.slow
def test_the_application_passes_its_tests(tmp_path: Path) -> None:
    assert list(files_of("live-contexts.md")) == FILES
    assert "5 passed" in run_page("live-contexts.md", "presence", tmp_path)


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
