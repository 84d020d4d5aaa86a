"""Where the files of a front end lie: ``RXGRAPH["FRONTEND_DIR"]`` and ``RXGRAPH["SCHEMA_DIR"]``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from rxgraph.settings import get_settings


@dataclass(frozen=True)
class Places:
    """Absolute folders; ``base`` is what shorter paths are told against."""

    base: Path
    schema: Path
    frontend: Path

    def told(self, path: Path) -> str:
        """Return *path* as people read it: from the project's folder where it lies below it."""
        return path.relative_to(self.base).as_posix() if self.base in path.parents else str(path)


def places() -> Places:
    """Return the folders that the settings name; relative ones begin at ``BASE_DIR``."""
    conf = get_settings()
    base = Path(getattr(settings, "BASE_DIR", None) or Path.cwd())

    def absolute(path: str | os.PathLike[str]) -> Path:
        return Path(os.path.abspath(base / Path(path)))  # noqa: PTH100  # keeps symbolic links

    return Places(absolute("."), absolute(conf.schema_dir), absolute(conf.frontend_dir))
