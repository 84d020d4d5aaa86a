"""``docs/reference.md``: its application passes its tests, and nothing is missing on the page."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from rxgraph.channels import ContextChannel
from rxgraph.declare.options import _NAMES
from rxgraph.settings import RxGraphSettings, parse
from tests.pages import DOCS, files_of, run_page

PAGE = (DOCS / "reference.md").read_text()
CODE = "\n".join(files_of("reference.md").values())


@pytest.mark.slow
def test_the_application_passes_its_tests(tmp_path: Path) -> None:
    assert "5 passed" in run_page("reference.md", "office", tmp_path)


@pytest.mark.parametrize("option", sorted({*_NAMES} - {"optimize_anchors"}))
def test_every_option_of_meta_is_told_and_used(option: str) -> None:
    assert f"| `{option}` |" in PAGE
    assert re.search(rf"^        {option} = ", CODE, re.MULTILINE)


def test_the_one_option_that_needs_a_migration_is_told_and_used_elsewhere() -> None:
    assert "| `optimize_anchors` |" in PAGE
    assert "optimize_anchors = True" in "".join(files_of("cache.md").values())


@pytest.mark.parametrize(
    "option", ["user_key", "optimistic", "optimistic_timeout", "graphql_name", "full_clean"]
)
def test_every_option_of_a_serializer_is_told_and_used(option: str) -> None:
    assert f"| `{option}` |" in PAGE
    assert re.search(rf"^        {option} = ", CODE, re.MULTILINE)


PUBLIC = [
    name
    for name, value in vars(ContextChannel).items()
    if not name.startswith("_") and (callable(value) or isinstance(value, (property, classmethod)))
] + ["has_permission"]


@pytest.mark.parametrize("name", sorted(set(PUBLIC)))
def test_every_method_is_told_and_used(name: str) -> None:
    told = PAGE.partition("## Test it")[0]
    assert re.search(rf"`[^`]*\b{name}\b", told), name
    assert re.search(rf"\b{name}\b", CODE), name


@pytest.mark.parametrize("name", ["@action", "@consumer(", "@related_property("])
def test_every_decorator_is_told_and_used(name: str) -> None:
    assert f"| `{name}" in PAGE
    assert name in CODE


def test_every_setting_is_shown_with_another_value_than_its_default() -> None:
    found: dict[str, Any] = {}
    exec(files_of("reference.md")["office/settings.py"], found)  # noqa: S102
    given = found["RXGRAPH"]
    assert set(given) == {field.name.upper() for field in fields(RxGraphSettings)}
    parsed, default = parse(given), RxGraphSettings()
    for field in fields(RxGraphSettings):
        assert getattr(parsed, field.name) != getattr(default, field.name), field.name
    told = (DOCS.parent / "README.md").read_text() + (DOCS / "limits.md").read_text()
    assert [name for name in given if f"| `{name}` |" not in told] == []


def test_every_command_is_told() -> None:
    ours = {name for name, app in get_commands().items() if app == "rxgraph"}
    assert [name for name in sorted(ours) if f"`{name}" not in PAGE] == []
