"""``docs/limits.md``: its table holds every limit of ``settings.py``, with its default."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from rxgraph import settings
from rxgraph.settings import RxGraphSettings
from tests.pages import DOCS

PAGE = (DOCS / "limits.md").read_text()
ROWS = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def limits() -> list[str]:
    """Return the names of the settings below the heading of limits."""
    source = Path(settings.__file__).read_text()
    block = source.partition("    # -- limits")[2].partition("@property")[0]
    return [name.upper() for name in re.findall(r"^    (\w+): ", block, re.MULTILINE)]


def test_every_limit_is_told_in_the_order_of_the_settings() -> None:
    assert [name for name, *_ in ROWS] == limits()
    assert len(ROWS) > 20


def test_every_default_is_the_one_that_holds() -> None:
    defaults = {field.name.upper(): field.default for field in fields(RxGraphSettings)}
    assert {name: float(default) for name, default, *_ in ROWS} == {
        name: float(defaults[name])  # type: ignore[arg-type]
        for name, *_ in ROWS
    }


def test_every_limit_has_a_unit_and_an_answer() -> None:
    for name, _, unit, answer in ROWS:
        assert len(unit) > 5, name
        assert re.search(r"BAD_REQUEST|RATE_LIMITED|close code \d{4}|the same|\(", answer), name
