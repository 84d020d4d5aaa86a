"""The example in docs/actions.md works as it stands there, and the page tells the truth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "actions.md").read_text()

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
DJANGO_SETTINGS_MODULE = desk_settings
django_find_project = false
pythonpath = {root} {here}
"""
SETTINGS = """
from tests.settings import *
INSTALLED_APPS = [*INSTALLED_APPS, "desk"]
"""
SDL = """
import django
django.setup()
from rxgraph.compile.service import sdl
print(sdl())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the page, and an app around them."""
    found = tmp_path_factory.mktemp("page")
    blocks = re.findall(
        r"^```python\n# ([\w/]+\.py)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE
    )
    assert [name for name, _ in blocks] == ["desk/channels.py", "test_desk.py"]
    (found / "desk").mkdir()
    (found / "desk" / "__init__.py").touch()
    for name, text in blocks:
        (found / name).write_text(text)
    (found / "desk_settings.py").write_text(SETTINGS)
    (found / "pytest.ini").write_text(INI.format(root=ROOT, here=found))
    return found


def run(folder: Path, *arguments: str) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "PYTEST_"))}
    done = subprocess.run(  # noqa: S603
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "DJANGO_SETTINGS_MODULE": "desk_settings",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_example_passes(folder: Path) -> None:
    assert "1 passed" in run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))


@pytest.mark.slow
def test_the_schema_is_that_of_the_page(folder: Path) -> None:
    from graphql import build_schema

    theirs = build_schema(run(folder, "-c", SDL)).mutation_type
    (block,) = re.findall(r"^```graphql\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    stubs = (
        "directive @action(channel: String!) on FIELD_DEFINITION\n"
        "input DraftInput { title: String! } type Report { openTasks: Int! }\n"
    )
    shown = build_schema(stubs + block).mutation_type
    assert theirs is not None
    assert shown is not None
    assert {name for name in theirs.fields if name.startswith("desk")} == set(shown.fields)
    for name, field in shown.fields.items():
        assert str(theirs.fields[name].type) == str(field.type)
        assert {key: str(item.type) for key, item in theirs.fields[name].args.items()} == {
            key: str(item.type) for key, item in field.args.items()
        }


def test_the_settings_on_the_page_are_there() -> None:
    from rxgraph.settings import unknown_names

    names = re.findall(r"""RXGRAPH\["(\w+)"\]""", PAGE)
    assert names
    assert unknown_names(dict.fromkeys([*names, "OPERATIONS_PER_CONNECTION"])) == []
