"""What RxGraph and a stock GraphQL server have in common: graphql-transport-ws and the names."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.dialects.base import KEYS, MARK, Frame

SUBPROTOCOL = "graphql-transport-ws"
TASK_FIELDS = (
    "__typename id project title description status label priority estimate assignee dueAt"
)

_UPPER = re.compile(r"[A-Z]")


def init(token: str) -> str:
    """Return the message that opens a connection."""
    payload = {"Authorization": f"Token {token}"}
    return json.dumps({"type": "connection_init", "payload": payload})


def operation(id_: str, document: str, variables: dict[str, Any]) -> str:
    """Return the message that asks for an operation."""
    payload = {"query": " ".join(document.split()), "variables": variables}
    return json.dumps({"id": id_, "type": "subscribe", "payload": payload})


def snaked(name: str) -> str:
    """Return a field's name in Python.

    >>> snaked("createdAt")
    'created_at'
    """
    return _UPPER.sub(lambda letter: f"_{letter.group().lower()}", name)


def reply(message: dict[str, Any], size: int, number: int) -> Frame:
    """Understand what a GraphQL server says about a mutation."""
    if message["type"] == "complete":
        return Frame(number, size, message)
    problem = None
    payload = message["payload"]
    if message["type"] != "next" or payload.get("errors") or not payload.get("data"):
        problem = json.dumps(message)
    else:
        (written,) = payload["data"].values()
        if written.get("messages") or not MARK.search(json.dumps(written).encode()):
            problem = json.dumps(message)
    return Frame(number, size, message, reply_to=message["id"], problem=problem)


def as_rendered(found: dict[str, Any]) -> dict[str, Any]:
    """Return an instance as DRF names and writes it; of children their ids."""
    instance = {}
    for name, value in found.items():
        if name == "__typename":
            continue
        snake = snaked(name)
        if name in KEYS:
            value = int(value)
        elif isinstance(value, list):
            value = [child["id"] for child in value]
        instance[snake] = value
    return instance
