"""``runserver --makefrontend`` in a project of its own: files follow the declarations."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.management.commands.runserver import Command as Staticfiles

from rxgraph.management.commands.runserver import Command, following
from tests.integration.servers import free_port
from tests.management.front_end import ROOT, make_front_end

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
DEBUG = True
SECRET_KEY = "tests-only"
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "rxgraph", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.staticfiles", "rest_framework", "channels", "shop",
]
"""
MODELS = """
from django.db import models

class Line(models.Model):
    product = models.CharField(max_length=80)
    quantity = models.PositiveIntegerField(default=1)
"""
CHANNELS = """
from rest_framework import serializers
from rxgraph.channels import ContextChannel
from shop.models import Line

class LineSerializer(serializers.ModelSerializer):
    class Meta:
        model = Line
        fields = ("id", "product")

class LineChannel(ContextChannel):
    class Meta:
        state = LineSerializer()
"""


def test_ours_extends_the_one_that_the_project_would_have():
    assert following() is Staticfiles
    assert issubclass(Command, Staticfiles)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write a project with one channel."""
    (tmp_path / "shop").mkdir()
    for name, text in {
        "settings.py": SETTINGS,
        "urls.py": "urlpatterns = []\n",
        "shop/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/channels.py": CHANNELS,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def told(project: Path) -> Iterator[Callable[[str], str]]:
    """Serve the project with the reloader; return what waits until something is printed."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{project}{os.pathsep}{ROOT}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "settings",
    }
    make_front_end(project)
    log = (project / "log.txt").open("w+")
    server = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "django", "runserver", "--makefrontend", str(free_port())],
        cwd=project,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def wait_for(text: str, times: int = 1) -> str:
        found = ""
        for _ in range(600):
            found = (project / "log.txt").read_text()
            if found.count(text) >= times:
                return found
            assert server.poll() is None, found
            time.sleep(0.1)
        raise AssertionError(f"{text!r} was not printed {times} times: {found}")

    yield wait_for
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=20)
    log.close()


@pytest.mark.integration
@pytest.mark.slow
def test_files_are_made_at_start_and_whenever_a_declaration_changes(project, told):
    started = told("Quit the server")
    assert "makefrontend: wrote schema/operations/line.graphql\n" in started
    assert "makefrontend: generated TypeScript in frontend\n" in started
    documents = project / "schema" / "operations" / "line.graphql"
    generated = project / "frontend" / "src" / "generated" / "rxgraph.ts"
    assert "quantity" not in documents.read_text() + generated.read_text()

    time.sleep(1.1)  # the reloader sees modification times
    channels = project / "shop" / "channels.py"
    channels.write_text(CHANNELS.replace('"product")', '"product", "quantity")'))
    changed = told("Quit the server", times=2)
    assert "makefrontend: updated schema/operations/line.graphql\n" in changed
    assert changed.count("makefrontend: generated TypeScript in frontend\n") == 2
    assert "quantity" in documents.read_text()
    assert "quantity: number" in generated.read_text()

    time.sleep(1.1)
    channels.write_text(channels.read_text() + "\n# nothing that shows\n")
    again = told("Quit the server", times=3)
    assert again.count("generated TypeScript") == 2  # what did not change is not made anew

    time.sleep(1.1)
    channels.write_text(CHANNELS.replace("LineSerializer()", "LineSerializer"))
    told("makefrontend: shop.channels.LineChannel.Meta.state is the class LineSerializer; pass an")
    assert "quantity" in documents.read_text()  # and nothing was written
