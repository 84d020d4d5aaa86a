"""A stock GraphQL server: what it takes to write, and to look at a state that does not change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.dialects.base import KEYS, Frame
from benchmarks.dialects.graphql import (
    SUBPROTOCOL,
    TASK_FIELDS,
    init,
    operation,
    reply,
    snaked,
)

_HEAD_BYTES = 512  # of a message, in which its type is

_DOCUMENT = """
subscription Live($projectId: Int!) {
  project(projectId: $projectId) {
    __typename id name code status description budget priority owner createdAt
    tasks {
      __typename id project title description status label priority estimate assignee dueAt
      comments { __typename id task body kind lang score likes author createdAt }
    }
  }
}
"""


class Plain:
    """Mutations alone; see ``project/plain``."""

    subprotocol: str | None = SUBPROTOCOL

    def __init__(self, mutation: str) -> None:
        self._document = f"""
        mutation Save($data: TaskPatch!) {{
          {mutation}(data: $data) {{ {TASK_FIELDS} }}
        }}
        """

    def path(self, project: int) -> str:
        return "/graphql"

    def greeting(self, project: int, token: str) -> list[str]:
        return [init(token)]

    def key(self, payload: bytes) -> bytes:
        return payload

    def completes(self, payload: bytes) -> bool:
        return b'"next"' in payload[:_HEAD_BYTES]

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if "id" in message:
            return reply(message, len(payload), number)
        match message["type"]:
            case "connection_ack":
                return Frame(number, len(payload), message, completes=True)
            case "ping":
                return Frame(number, len(payload), message, answers=('{"type": "pong"}',))
        return Frame(number, len(payload), message)

    def fold(self, frames: Sequence[Frame]) -> Any:
        return None

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        return operation(id_, self._document, {"data": {"id": str(task), "title": title}})


class PlainState(Plain):
    """A subscription whose one event is the nested state, resolved field by field."""

    def __init__(self) -> None:
        super().__init__("saveTask")

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        match message["type"]:
            case "connection_ack":
                text = operation("1", _DOCUMENT, {"projectId": 0})
                answer = text.replace('{"projectId": 0}', '{"projectId": $PROJECT}')
                return Frame(number, len(payload), message, answers=(answer,))
            case "next" if "errors" not in message["payload"]:
                state = message["payload"]["data"]["project"]
                return Frame(number, len(payload), state, holds_state=True, completes=True)
            case "next" | "error":
                return Frame(number, len(payload), message, problem=payload.decode())
        return super().read(payload, number)

    def fold(self, frames: Sequence[Frame]) -> Any:
        return _nested(frames[-1].message)


def _nested(found: dict[str, Any]) -> dict[str, Any]:
    """Return a resolved tree as DRF names and writes it."""
    return {snaked(k): _value(k, value) for k, value in found.items() if k != "__typename"}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_nested(child) for child in value]
    return int(value) if name in KEYS else value
