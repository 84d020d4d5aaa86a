"""``scripts/bench page REPORT``: put the tables of a run into ``docs/performance.md``.

A table stands between ``<!-- figure: NAME -->`` and ``<!-- end -->``, the machine between
``<!-- machine -->`` and ``<!-- end -->``. The prose around them is for people to keep true.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Goal
from benchmarks.sizing import sizing

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

_PICTURES = {"scale": "![Times over the size of the state and of the crowd](images/scale.svg)"}
_BLOCK = re.compile(r"<!-- (machine|figure: (\w+)) -->\n.*?<!-- end -->", re.DOTALL)


def filled(page: str, report: Mapping[str, Any]) -> str:
    """Return *page* with the tables that *report* has; others stay as they are.

    >>> filled("<!-- machine -->\\nold\\n<!-- end -->", {"machine": {"cores": "2"}, "figures": []})
    '<!-- machine -->\\ncores 2\\n<!-- end -->'
    """
    found = {figure["name"]: _text(figure) for figure in report["figures"]}
    for name, picture in _PICTURES.items():
        if name in found:
            found[name] = f"{picture}\n\n{found[name]}"
    if (sizes := sizing(report)) is not None:
        found[sizes.name] = sizes.text()
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())

    def put(block: re.Match[str]) -> str:
        name = block[2]
        if name is not None and name not in found:
            return block[0]
        return f"<!-- {block[1]} -->\n{machine if name is None else found[name]}\n<!-- end -->"

    return _BLOCK.sub(put, page)


def _text(figure: Mapping[str, Any]) -> str:
    return Figure(
        figure["name"],
        figure["title"],
        tuple(figure["columns"]),
        [tuple(row) for row in figure["rows"]],
        [Goal(**goal) for goal in figure["goals"]],
        figure["notes"],
    ).text()


def main() -> None:
    """Read the reports that ``--json`` wrote, one after the other."""
    parser = argparse.ArgumentParser(prog="scripts/bench page", description=__doc__)
    parser.add_argument("reports", type=Path, nargs="+", metavar="REPORT")
    for path in parser.parse_args().reports:
        PAGE.write_text(filled(PAGE.read_text(), json.loads(path.read_text())))


if __name__ == "__main__":
    main()
