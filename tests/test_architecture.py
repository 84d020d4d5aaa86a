"""Imports point one way: serve → sync → cache → compile → declare, and cache → delta.

What a stage may use is written here; a file that reaches further fails with the line that does.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "rxgraph"

#: Leaves that every stage may use.
SHARED = {
    "types",
    "errors",
    "outage",
    "faults",
    "fields",
    "settings",
    "operations",
    "models",
    "jsonable",
    "counters",
    "tracing",
    "log_fields",
    "__init__",
}

MAY_USE = {
    "declare": set(),
    "compile": {"declare"},
    "delta": {"compile"},
    "cache": {"delta", "compile", "declare"},
    "sync": {"cache", "delta", "compile", "declare"},
    "serve": {"sync", "cache", "delta", "compile", "declare"},
}

#: Single imports against the direction, each with its reason.
ALLOWED = {
    # Every derived name is born in one pure module, the names of declared channels too.
    ("declare/channel.py", "compile.naming"),
    ("declare/arguments.py", "compile.naming"),
    ("declare/anchor_marks.py", "compile.naming"),
    # A type that declarations may name is born beside its scalar.
    ("declare/arguments.py", "compile.scalars"),
}


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Return line and dotted name of everything a file imports from rxgraph, wherever it does."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rxgraph"):
            module = node.module.removeprefix("rxgraph").lstrip(".")
            names = [module] if module else [alias.name for alias in node.names]
            if module in MAY_USE:
                names = [f"{module}.{alias.name}" for alias in node.names]
            found += [(node.lineno, name) for name in names]
        elif isinstance(node, ast.Import):
            found += [
                (node.lineno, alias.name.removeprefix("rxgraph."))
                for alias in node.names
                if alias.name.startswith("rxgraph.")
            ]
    return found


@pytest.mark.parametrize("stage", MAY_USE)
def test_a_stage_uses_only_what_comes_before_it(stage: str) -> None:
    wrong = []
    for path in sorted((ROOT / stage).rglob("*.py")):
        relative = path.relative_to(ROOT).as_posix()
        for line, name in imports_of(path):
            used = name.split(".")[0]
            if used == stage or used in SHARED or used in MAY_USE[stage]:
                continue
            if (relative, ".".join(name.split(".")[:2])) not in ALLOWED:
                wrong.append(f"{relative}:{line} imports rxgraph.{name}")
    assert not wrong, "\n".join(wrong)


def test_every_stage_is_named_here() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - set(MAY_USE) == {"management", "migrations", "testing"}


def test_settings_are_read_at_the_edges() -> None:
    wrong = [
        path.relative_to(ROOT).as_posix()
        for stage in ("delta", "cache")
        for path in (ROOT / stage).rglob("*.py")
        if "get_settings" in path.read_text()
    ]
    assert not wrong
