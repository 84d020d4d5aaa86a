"""The files of the explorer page, each under an address that changes with the release.

``<path>/explorer/<version>/<name>``: *version* is a hash over all files, so browsers may keep them
for ever. Names are looked up in a table of what the package holds; no request names a path.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rxgraph.serve.connection import headers_of

FOLDER = Path(__file__).with_name("static")
PREFIX = "explorer"

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".ttf": "font/ttf",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    # For the workers: a script that runs in one is bound by the policy it came with.
    "content-security-policy": "default-src 'none'; script-src 'self'",
    "cross-origin-resource-policy": "same-origin",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Asset:
    """One file: its content, its type, and a hash of it."""

    content: bytes
    media_type: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file of the page by its name; nothing where the package was built without."""
    if not FOLDER.is_dir():
        return {}
    return {
        path.name: _asset(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(FOLDER.iterdir())
        if path.suffix in _TYPES
    }


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:20])


@cache
def version() -> str:
    """Return a hash over all files and their names."""
    whole = "\n".join(f"{name} {asset.digest}" for name, asset in assets().items())
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(assets()[name].content, compresslevel=6, mtime=0)


def asset_name(path: str) -> str | None:
    """Return which file ``/explorer/<version>/<name>`` is, None for what is no file of ours.

    *path* is what follows the path of GraphQL.
    """
    found = re.fullmatch(rf"/{PREFIX}/([0-9a-f]+)/([\w.-]+)", path)
    if found is None or found[1] != version() or found[2] not in assets():
        return None
    return found[2]


async def serve_asset(name: str, scope: Mapping[str, Any], send: Send) -> None:
    """Answer a request for the file *name*; packed where the browser says that it can unpack."""
    if scope["method"] not in ("GET", "HEAD"):
        await _respond(send, 405, {"allow": "GET, HEAD"}, b"")
        return
    asset, asked = assets()[name], headers_of(scope)
    etag = f'"{asset.digest}"'
    headers = {**_HEADERS, "content-type": asset.media_type, "etag": etag}
    if etag in [item.strip().removeprefix("W/") for item in _listed(asked, "if-none-match")]:
        await _respond(send, 304, headers, b"")
        return
    body = asset.content
    if any(item.split(";")[0].strip() == "gzip" for item in _listed(asked, "accept-encoding")):
        body = await asyncio.to_thread(_packed, name)
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    await _respond(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


def _listed(headers: Mapping[str, str], name: str) -> list[str]:
    return headers.get(name, "").split(",")


async def _respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
