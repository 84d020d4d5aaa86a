"""The GraphQL files of a project: what they should be, how they differ, and writing them.

Files are known by their path inside the schema folder: ``schema.graphql`` and
``operations/<channel>.graphql``. Only what makefrontend wrote itself is ever removed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graphql import build_schema, parse

from rxgraph.compile.documents import HEADER, document_files
from rxgraph.compile.documents.persisted import write_list
from rxgraph.compile.schema import print_schema
from rxgraph.compile.service import contract

SCHEMA = "schema.graphql"
OPERATIONS = "operations"
DOCUMENTS = "documents.json"


@dataclass(frozen=True)
class Change:
    """One file that is not what it should be; ``before`` or ``after`` is None where there is none.

    ``is_foreign``: somebody else wrote what stands there.
    """

    path: Path
    before: str | None
    after: str | None
    is_foreign: bool = False

    @property
    def verb(self) -> str:
        """What writing it does, for people."""
        if self.after is None:
            return "removed"
        return "wrote" if self.before is None else "updated"

    def diff(self, name: str) -> str:
        """Return the unified diff of the file, which is called *name*."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            (self.after or "").splitlines(keepends=True),
            fromfile="/dev/null" if self.before is None else f"a/{name}",
            tofile="/dev/null" if self.after is None else f"b/{name}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Make the file what it should be, at once: nobody reads half of it."""
        if self.after is None:
            self.path.unlink()
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".{self.path.name}.new")
        new.write_text(self.after, encoding="utf-8", newline="\n")
        os.replace(new, self.path)  # noqa: PTH105


def wanted_files() -> dict[str, str]:
    """Return path → text of every GraphQL file of the declared channels.

    Raises:
        DeclarationError: a channel is declared wrongly, or there is none.
    """
    schema = contract()
    found = {SCHEMA: print_schema(schema)}
    # Read back from SDL, which shows the directives, in the order of declaration.
    for name, text in document_files(build_schema(schema.as_str())).items():
        found[f"{OPERATIONS}/{name}"] = text
    documents = [parse(text) for name, text in found.items() if name != SCHEMA]
    found[DOCUMENTS] = write_list(documents)
    return found


def compare(folder: Path, wanted: Mapping[str, str]) -> list[Change]:
    """Return what has to change in *folder*, so that it holds the *wanted* files."""
    return [*_changed(folder, wanted), *_left_over(folder, wanted)]


def _changed(folder: Path, wanted: Mapping[str, str]) -> Iterator[Change]:
    for name, after in wanted.items():
        before = _read(folder / name)
        if before != after:
            is_foreign = (
                name.startswith(OPERATIONS) and before is not None and not before.startswith(HEADER)
            )
            yield Change(folder / name, before, after, is_foreign)


def _left_over(folder: Path, wanted: Mapping[str, str]) -> Iterator[Change]:
    for path in sorted((folder / OPERATIONS).glob("*.graphql")):
        before = _read(path)
        if f"{OPERATIONS}/{path.name}" not in wanted and before and before.startswith(HEADER):
            yield Change(path, before, None)


def _read(path: Path) -> str | None:
    """Return the text of a file, line ends as git may have made them, or None."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""  # nothing of ours; it is written over with --force only
