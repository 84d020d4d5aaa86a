"""The environment of the peer: RxDjango with what it needs, under ``.bench/``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"

#: redis-py 8 waits 5 seconds for an answer at most, and so would lose idle subscribers of
#: channels_redis, whose blocking reads take as long.
REQUIREMENTS = (
    "rxdjango==0.0.50",
    "channels_redis>=4.3",
    "django>=5.2,<5.3",
    "psycopg[binary]>=3.2",
    "redis<8",
    "uvicorn>=0.34",
    "websockets>=15",
)


def own_folder() -> Path:
    """Return ``.bench``, which git does not see."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    return FOLDER


def ensure() -> Path:
    """Return the Python that has RxDjango, installing it first where it is missing."""
    folder = own_folder() / "peer"
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not python.exists() or not installed.exists() or installed.read_text() != wanted:
        print(f"installing {REQUIREMENTS[0]} into {folder.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True, stdout=sys.stderr)
        installed.write_text(wanted)
    return python
