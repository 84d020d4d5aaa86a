"""Read the demo's settings from the environment.

Strings in, plain settings values out; ``settings.py`` is the only caller. The one side effect is
the folder ``.demo``, which holds what belongs to this checkout and never to git.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


def flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return whether the variable *name* says yes; *default* when it is not set."""
    word = environ.get(name)
    if word is None:
        return default
    if word.strip().lower() in TRUE_WORDS:
        return True
    if word.strip().lower() in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}; use 1 or 0")


def words(environ: Mapping[str, str], name: str) -> list[str]:
    """Return the comma-separated values of the variable *name*, without empty ones."""
    return [word.strip() for word in environ.get(name, "").split(",") if word.strip()]


def postgres_database(url: str, *, conn_max_age_seconds: int = 0) -> dict[str, Any]:
    """Return Django's settings for ``postgres://user:password@host:port/name?option=value``.

    Options go to psycopg (``sslmode=require``); ``pool=true`` turns Django's pool on. Connections
    are not kept by default, as Django advises under ASGI; the pool is the way to keep them.

    Raises:
        ImproperlyConfigured: the URL is of another database, or its port is not a number.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {parts.scheme or 'no scheme'!r}; use postgres://…, or leave "
            f"it unset for SQLite"
        )
    try:
        port = str(parts.port or "")
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from None
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database; end it with /name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": port,
        "CONN_MAX_AGE": conn_max_age_seconds,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {key: _option(value) for key, value in parse_qsl(parts.query)},
    }


def sqlite_database(path: Path) -> dict[str, Any]:
    """Return Django's settings for SQLite at *path*: many readers beside one patient writer."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,  # seconds to wait for another writer
            # Taking the write lock at BEGIN makes a second writer wait; taken later, on the way
            # from reading to writing, SQLite answers "database is locked" at once.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def mongo_store(url: str) -> str:
    """Return *url* with the database ``rxgraph`` where it names none."""
    parts = urlsplit(url)
    if parts.path.strip("/"):
        return url
    return urlunsplit(parts._replace(path="/rxgraph"))


def data_folder(path: Path) -> Path:
    """Return *path*, a folder that exists and that git does not see."""
    path.mkdir(parents=True, exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return path


def secret_key(path: Path) -> str:
    """Return the key kept at *path*, made on first use.

    Processes that start together agree on one key: the file appears whole, under its name, once.
    """
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
        draft = Path(name)
        with os.fdopen(handle, "w") as file:
            file.write(get_random_secret_key())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key is the key
        finally:
            draft.unlink()
    return path.read_text().strip()


def _option(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value, value)
