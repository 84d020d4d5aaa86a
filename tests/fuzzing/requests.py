"""Requests over HTTP: bodies, headers, methods and URLs."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.fuzzing import values

_ACCEPTS = (
    *("application/json", "application/graphql-response+json", "*/*", "text/event-stream"),
    *("text/event-stream, application/json", "image/png", "", ";;,,", "application/json;q=0"),
    *("text/html", "*/*;q=0.1, text/event-stream;q=0", "application/*", 'a/b;c="d,e', "é"),
)
_TYPES = (
    *(
        "application/json",
        "application/json",
        "application/json",
        "application/json; charset=utf-8",
    ),
    *("application/json; charset=latin-1", "application/graphql", "text/plain", ""),
    *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "APPLICATION/JSON"),
)
_METHODS = ("POST",) * 40 + ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW")


@dataclass
class Request:
    """One request."""

    method: str
    content: bytes
    headers: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)


def request(random: Random, good: dict[str, Any], token: str) -> Request:
    """Return a request that is *good*, or not quite."""
    headers = {"Content-Type": _TYPES[0], "Authorization": f"Token {token}"}
    if random.random() < 0.2:
        headers["Content-Type"] = random.choice(_TYPES)
    if random.random() < 0.7:
        headers["Accept"] = random.choice(_ACCEPTS)
    if random.random() < 0.1:
        headers["Authorization"] = random.choice(
            ("", "Token", "Token x", "Basic YTpi", "Token \xe9")
        )
    if random.random() < 0.1:
        headers["Cookie"] = random.choice(
            ("sessionid=x", "a=b; ; =", "csrftoken=\xe9", "sessionid=")
        )
    if random.random() < 0.1:
        headers["Origin"] = random.choice(
            ("null", "https://evil.example", "x", "", "http://[", "é")
        )
    if random.random() < 0.1:
        headers["Sec-Fetch-Site"] = random.choice(("cross-site", "same-origin", "none", "x"))
    if random.random() < 0.1:
        headers["Content-Encoding"] = random.choice(("gzip", "identity", "br", "x, y", ""))
    found = Request(random.choice(_METHODS), _body(random, good), headers)
    if random.random() < 0.2:
        found.params = {
            random.choice(("query", "variables", "token", "a")): values.text(random)
            .encode(errors="replace")
            .decode()
        }
    return found


def _body(random: Random, good: dict[str, Any]) -> bytes:
    kind = random.randint(0, 16)
    if kind == 0:
        return bytes(random.randrange(256) for _ in range(random.randint(0, 40)))
    data: Any = dict(good)
    if kind == 1:
        data = [good] * random.randint(0, 3)
    elif kind == 2:
        data = values.value(random)
    elif kind in (3, 4):
        data[random.choice(("query", "variables", "operationName", "extensions"))] = values.value(
            random
        )
    raw = json.dumps(data).encode()
    if kind == 5:
        return raw[: random.randrange(len(raw) + 1)]
    if kind == 6:
        return random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b" \n")) + raw
    if kind == 7:
        return raw.decode().encode(random.choice(("utf-16", "utf-32", "utf-8")))
    if kind == 8 and random.random() < 0.3:
        return gzip.compress(raw)
    return raw
