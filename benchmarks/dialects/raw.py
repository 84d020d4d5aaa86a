"""A socket and nothing else: one word from the client, then texts from the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.dialects.base import Frame, newest


class Raw:
    """See ``project/raw``: the first text is the first state, whatever it says."""

    subprotocol: str | None = None

    def path(self, project: int) -> str:
        return "/"

    def greeting(self, project: int, token: str) -> list[str]:
        return ["hello"]

    def key(self, payload: bytes) -> bytes:
        return payload

    def completes(self, payload: bytes) -> bool:
        return True

    def read(self, payload: bytes, number: int) -> Frame:
        return Frame(number, len(payload), None, True, True, newest(payload))

    def fold(self, frames: Sequence[Frame]) -> Any:
        return None

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        raise NotImplementedError("there is nothing to save")
