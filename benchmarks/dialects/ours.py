"""RxGraph, with the documents that a generated client would send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.dialects.base import Frame, Instances, nest, newest
from benchmarks.dialects.graphql import (
    SUBPROTOCOL,
    TASK_FIELDS,
    as_rendered,
    init,
    operation,
    reply,
)

_HEAD_BYTES = 512  # of a message, in which its kind is

#: What an event tells of a project or of a list of them.
CHANGES = """\
    changed {
      __typename
      projects { __typename id name code status description budget priority owner createdAt
                 tasks { __typename id } }
      tasks { __typename id project title description status label priority estimate assignee dueAt
              comments { __typename id } }
      comments { __typename id task body kind lang score likes author createdAt }
    }
    removed { typename nodeId reason } notifications { data }
    session cursor
"""

_DOCUMENT = """
subscription Live($projectId: Int!) {
  project(projectId: $projectId) {
    __typename kind resetReason clientMutationIds
    query { project(projectId: $projectId) { __typename id } }
    channel { __typename id state { __typename id } }
CHANGES  }
}
""".replace("CHANGES", CHANGES)


_NAMED = f"""
mutation Save($projectId: Int!, $id: ID!, $data: TaskSaveInput!, $name: ID) {{
  projectSaveTask(projectId: $projectId, id: $id, data: $data, clientMutationId: $name) {{
    __typename clientMutationId cursor messages {{ kind code field message }}
    task {{ {TASK_FIELDS} comments {{ __typename id }} }}
  }}
}}
"""


def live(id_: str, project: int) -> str:
    """Return the message that watches a project."""
    return operation(id_, _DOCUMENT, {"projectId": project})


class Ours:
    """graphql-transport-ws, with the documents that a generated client would send.

    *subscribes*: watch the project from the start; *names*: send a ``clientMutationId``.
    """

    subprotocol: str | None = SUBPROTOCOL

    def __init__(self, *, subscribes: bool = True, names: bool = True) -> None:
        self._subscribes, self._names = subscribes, names

    def path(self, project: int) -> str:
        return "/graphql"

    def greeting(self, project: int, token: str) -> list[str]:
        return [init(token)]

    def key(self, payload: bytes) -> bytes:
        """Session and cursor, which come last, are a client's own."""
        end = payload.rfind(b'"session"')
        return payload if end < 0 else payload[:end]

    def completes(self, payload: bytes) -> bool:
        return b'"SNAPSHOT"' in payload[:_HEAD_BYTES]

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if message.get("id", "1") != "1":
            return reply(message, len(payload), number)
        match message["type"]:
            case "next" if "errors" not in message["payload"]:
                event = message["payload"]["data"]["project"]
                whole = event["kind"] == "SNAPSHOT"
                return Frame(number, len(payload), event, True, whole, newest(payload))
            case "connection_ack" if not self._subscribes:
                return Frame(number, len(payload), message, completes=True)
            case "connection_ack":
                subscribe = {"query": " ".join(_DOCUMENT.split()), "variables": {"projectId": 0}}
                text = json.dumps({"id": "1", "type": "subscribe", "payload": subscribe})
                answer = text.replace('{"projectId": 0}', '{"projectId": $PROJECT}')
                return Frame(number, len(payload), message, answers=(answer,))
            case "ping":
                return Frame(number, len(payload), message, answers=('{"type": "pong"}',))
            case "pong":
                return Frame(number, len(payload), message)
        return Frame(number, len(payload), message, problem=payload.decode())

    def fold(self, frames: Sequence[Frame]) -> Any:
        instances: Instances = {}
        root = ("Project", "")
        for frame in frames:
            event = frame.message
            if event["kind"] == "SNAPSHOT":
                instances, root = {}, ("Project", event["channel"]["state"]["id"])
            take(event, instances)
        return nest(instances, root)

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        variables = {"projectId": project, "id": str(task), "data": {"title": title}}
        if self._names:
            variables["name"] = id_
        return operation(id_, _NAMED, variables)


def take(event: dict[str, Any], instances: Instances) -> None:
    """Take what an event says of instances."""
    for name in ("projects", "tasks", "comments"):
        for found in event["changed"][name]:
            instances[found["__typename"], found["id"]] = as_rendered(found)
    for removed in event["removed"]:
        instances.pop((removed["typename"], removed["nodeId"]), None)
