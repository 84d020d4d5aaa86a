"""How each side talks to a client that watches a list, and how that folds into what DRF renders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.dialects.base import Dialect, Frame, Instances, nest, newest
from benchmarks.dialects.ours import CHANGES, Ours, take
from benchmarks.dialects.theirs import Theirs, take_theirs

SHELF, FEED = "shelf", "feed"

_DOCUMENT = """
subscription Live {
  FIELD {
    __typename kind resetReason clientMutationIds
    query { FIELD { __typename id } }
    channel { __typename id state { __typename id } }
CHANGES  }
}
""".replace("CHANGES", CHANGES)


class OurList(Ours):
    """One subscription to a list."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self._list = field

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        match message["type"]:
            case "next" if "errors" not in message["payload"]:
                event = message["payload"]["data"][self._list]
                whole = event["kind"] == "SNAPSHOT"
                return Frame(number, len(payload), event, True, whole, newest(payload))
            case "connection_ack":
                query = " ".join(_DOCUMENT.replace("FIELD", self._list).split())
                answer = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}})
                return Frame(number, len(payload), message, answers=(answer,))
        return super().read(payload, number)

    def fold(self, frames: Sequence[Frame]) -> Any:
        instances: Instances = {}
        roots: list[str] = []
        for frame in frames:
            event = frame.message
            if event["kind"] == "SNAPSHOT":
                instances = {}
            take(event, instances)
            if event["channel"] is not None:
                roots = [item["id"] for item in event["channel"]["state"]]
        return {id_: nest(instances, ("Project", id_)) for id_ in roots}


class TheirList(Theirs):
    """RxDjango's: the ids of the anchors, then the state of each with an end of its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def path(self, project: int) -> str:
        return f"/ws/{self._name}/"

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if isinstance(message, dict) and message.get("type") in ("initialAnchors", "prependAnchor"):
            ends = len(message.get("anchorIds", ())) or None
            return Frame(number, len(payload), message, True, expects=ends)
        return super().read(payload, number)

    def fold(self, frames: Sequence[Frame]) -> Any:
        instances: Instances = {}
        roots: list[str] = []
        for frame in frames:
            message = frame.message
            if isinstance(message, dict):
                roots += map(str, message.get("anchorIds", [message.get("anchorId")]))
                continue
            take_theirs(message, instances)
        shown = [id_ for id_ in roots if ("Project", id_) in instances]
        return {id_: nest(instances, ("Project", id_)) for id_ in shown}


def list_dialect_of(side: str, name: str) -> Dialect:
    """Return how a side talks to those who watch the list *name*."""
    return OurList(name) if side == "ours" else TheirList(name)
