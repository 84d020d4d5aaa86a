"""GraphQL Code Generator: find the one that a front end has installed, and run it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMAND = "graphql-codegen"
BY_HAND = "npm install && npx graphql-codegen"
_PROGRESS = ("❯", "✔", "↓", "◼")


@dataclass(frozen=True)
class Absent:
    """There is no generator to run: why, and what to do."""

    reason: str


@dataclass(frozen=True)
class Done:
    """What a run of the generator came to."""

    is_good: bool
    output: str


@dataclass(frozen=True)
class Generator:
    """The generator that is installed for the front end in ``folder``."""

    folder: Path
    executable: Path

    def run(self, *, check: bool = False) -> Done:
        """Generate; *check* writes nothing and is good when nothing would change."""
        arguments = [str(self.executable), *(["--check"] if check else [])]
        done = subprocess.run(  # noqa: S603
            arguments,
            cwd=self.folder,
            env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0", "CI": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        told = [line for line in done.stdout.splitlines() if not line.strip().startswith(_PROGRESS)]
        return Done(done.returncode == 0, "\n".join(told).strip())

    def remember(self, wanted: Mapping[str, str]) -> None:
        """Note that the generator has seen the *wanted* files."""
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(self._digest(wanted), encoding="utf-8")

    def has_seen(self, wanted: Mapping[str, str]) -> bool:
        """True when the last run was good, on these very files and this configuration."""
        return self._note.is_file() and self._note.read_text("utf-8") == self._digest(wanted)

    @property
    def _note(self) -> Path:
        """Return a file where tools keep what may be lost, out of version control."""
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return self.executable.parent.parent / ".cache" / "rxgraph" / name

    def _digest(self, wanted: Mapping[str, str]) -> str:
        found = hashlib.sha256()
        configuration = [path.read_text("utf-8") for path in sorted(self.folder.glob("codegen.*"))]
        for text in [*(part for item in sorted(wanted.items()) for part in item), *configuration]:
            found.update(f"{len(text)}:{text}".encode())
        return found.hexdigest()


def find_generator(folder: Path) -> Generator | Absent:
    """Return the generator of the front end in *folder*: its own, or that of a workspace above."""
    if not folder.is_dir():
        return Absent(
            "there is no such folder; make your front end there, or name another folder in"
            ' RXGRAPH["FRONTEND_DIR"]'
        )
    if shutil.which("node") is None:
        return Absent(f"Node.js is not on PATH; where it is, run there: {BY_HAND}")
    for parent in (folder, *folder.parents):
        found = shutil.which(COMMAND, path=str(parent / "node_modules" / ".bin"))
        if found is not None:
            return Generator(folder, Path(found))
    return Absent(f"GraphQL Code Generator is not installed; run there: {BY_HAND}")
