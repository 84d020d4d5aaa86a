"""How each side talks to a client, and how its messages fold into a state.

A state is folded to what DRF renders for the nested serializer, so that all can be compared with
the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.ground import OURS

_MARK = re.compile(rb"seq-(\d{8})")
_UPPER = re.compile(r"[A-Z]")

#: Nested lists by serializer: field → serializer of the children.
NESTED = {"Project": {"tasks": "Task"}, "Task": {"comments": "Comment"}, "Comment": {}}
#: Fields that hold primary keys.
KEYS = ("id", "project", "task", "owner", "assignee", "author")

Instances = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, understood."""

    number: int
    size: int
    message: Any
    holds_state: bool = False
    completes: bool = False  # the first state is whole with this message
    newest: int = -1  # the highest number that a save left in it
    answers: tuple[str, ...] = ()
    reply_to: str | None = None  # the save that this is the answer to
    problem: str | None = None
    expects: int | None = None  # so many messages complete the first state, instead of one


class Dialect(Protocol):
    """What a client has to know of a side."""

    subprotocol: str | None

    def path(self, project: int) -> str:
        """Return where to connect."""

    def greeting(self, project: int, token: str) -> list[str]:
        """Return what to send first."""

    def key(self, payload: bytes) -> bytes:
        """Return the part of a message that is the same for every client."""

    def read(self, payload: bytes, number: int) -> Frame:
        """Understand a message."""

    def fold(self, frames: Sequence[Frame]) -> Any:
        """Return the nested state that these frames lead to."""

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        """Return the message that saves the title of a task; *id_* is never used again."""


def newest(payload: bytes) -> int:
    """Return the highest number that a save left in *payload*, -1 for none."""
    return max((int(mark) for mark in _MARK.findall(payload)), default=-1)


def nest(instances: Instances, key: tuple[str, str]) -> dict[str, Any] | None:
    """Return an instance with its children in place of their ids, by key: no model orders them."""
    instance = instances.get(key)
    if instance is None:
        return None
    children = {
        name: [nest(instances, (child, str(id_))) for id_ in sorted(map(int, instance[name]))]
        for name, child in NESTED[key[0]].items()
    }
    return {**instance, **children}


# -- ours

_DOCUMENT = """
subscription Live($projectId: Int!) {
  project(projectId: $projectId) {
    __typename kind resetReason clientMutationIds
    query { project(projectId: $projectId) { __typename id } }
    channel { __typename id state { __typename id } }
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
  }
}
"""


_FIELDS = "__typename id project title description status label priority estimate assignee dueAt"
_NAMED = f"""
mutation Save($projectId: Int!, $id: ID!, $data: TaskSaveInput!, $name: ID) {{
  projectSaveTask(projectId: $projectId, id: $id, data: $data, clientMutationId: $name) {{
    __typename clientMutationId cursor messages {{ kind code field message }}
    task {{ {_FIELDS} comments {{ __typename id }} }}
  }}
}}
"""


class Ours:
    """graphql-transport-ws, with the documents that a generated client would send.

    *subscribes*: watch the project from the start; *names*: send a ``clientMutationId``.
    """

    subprotocol: str | None = "graphql-transport-ws"

    def __init__(self, *, subscribes: bool = True, names: bool = True) -> None:
        self._subscribes, self._names = subscribes, names

    def path(self, project: int) -> str:
        return "/graphql"

    def greeting(self, project: int, token: str) -> list[str]:
        payload = {"Authorization": f"Token {token}"}
        return [json.dumps({"type": "connection_init", "payload": payload})]

    def key(self, payload: bytes) -> bytes:
        """Session and cursor, which come last, are a client's own."""
        end = payload.rfind(b'"session"')
        return payload if end < 0 else payload[:end]

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if message.get("id", "1") != "1":
            return _reply(message, len(payload), number)
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
        return _operation(id_, _NAMED, variables)


def take(event: dict[str, Any], instances: Instances) -> None:
    """Take what an event says of instances."""
    for name in ("projects", "tasks", "comments"):
        for found in event["changed"][name]:
            instances[found["__typename"], found["id"]] = _as_rendered(found)
    for removed in event["removed"]:
        instances.pop((removed["typename"], removed["nodeId"]), None)


def _operation(id_: str, document: str, variables: dict[str, Any]) -> str:
    payload = {"query": " ".join(document.split()), "variables": variables}
    return json.dumps({"id": id_, "type": "subscribe", "payload": payload})


def _reply(message: dict[str, Any], size: int, number: int) -> Frame:
    """Understand what a GraphQL server says about a mutation."""
    if message["type"] == "complete":
        return Frame(number, size, message)
    problem = None
    payload = message["payload"]
    if message["type"] != "next" or payload.get("errors") or not payload.get("data"):
        problem = json.dumps(message)
    else:
        (written,) = payload["data"].values()
        if written.get("messages") or not _MARK.search(json.dumps(written).encode()):
            problem = json.dumps(message)
    return Frame(number, size, message, reply_to=message["id"], problem=problem)


def _as_rendered(found: dict[str, Any]) -> dict[str, Any]:
    instance = {}
    for name, value in found.items():
        if name == "__typename":
            continue
        snake = _UPPER.sub(lambda letter: f"_{letter.group().lower()}", name)
        if name in KEYS:
            value = int(value)
        elif isinstance(value, list):
            value = [child["id"] for child in value]
        instance[snake] = value
    return instance


# -- theirs


class Theirs:
    """RxDjango's own protocol: lists of flat instances, of later ones what has changed."""

    subprotocol: str | None = None

    def path(self, project: int) -> str:
        return f"/ws/project/{project}/"

    def greeting(self, project: int, token: str) -> list[str]:
        return [json.dumps({"token": token})]

    def key(self, payload: bytes) -> bytes:
        return payload

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if isinstance(message, list):
            ends = any(found.get("_operation") == "end_initial_state" for found in message)
            return Frame(number, len(payload), message, not ends, ends, newest(payload))
        problem = payload.decode() if message.get("error") else None
        if message.get("type") == "writeResponse":
            reply_to = str(message["writeId"])
            return Frame(number, len(payload), message, reply_to=reply_to, problem=problem)
        return Frame(number, len(payload), message, problem=problem)

    def fold(self, frames: Sequence[Frame]) -> Any:
        instances: Instances = {}
        for frame in frames:
            take_theirs(frame.message, instances)
        root = next((key for key in instances if key[0] == "Project"), ("Project", ""))
        return nest(instances, root)

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        return json.dumps(
            {
                "type": "write",
                "writeId": id_,
                "operation": "save",
                "instanceType": "benchmarks.project.board.serializers.TaskSerializer",
                "instanceId": task,
                "data": {"title": title},
            }
        )


def take_theirs(message: list[dict[str, Any]], instances: Instances) -> None:
    """Take what a message of RxDjango says of instances."""
    for found in message:
        typename = found["_instance_type"].rpartition(".")[2].removesuffix("Serializer")
        key = (typename, str(found["id"]))
        if found.get("_operation") == "delete":
            instances.pop(key, None)
            continue
        values = {name: value for name, value in found.items() if name[0] != "_"}
        instances[key] = {**instances.get(key, {}), **values}


# -- neither


class Plain:
    """A GraphQL server that has mutations and nothing live; see ``project/plain``."""

    subprotocol: str | None = "graphql-transport-ws"

    def __init__(self, mutation: str) -> None:
        self._document = f"""
        mutation Save($data: TaskPatch!) {{
          {mutation}(data: $data) {{ {_FIELDS} }}
        }}
        """

    def path(self, project: int) -> str:
        return "/graphql"

    def greeting(self, project: int, token: str) -> list[str]:
        return Ours().greeting(project, token)

    def key(self, payload: bytes) -> bytes:
        return payload

    def read(self, payload: bytes, number: int) -> Frame:
        message = json.loads(payload)
        if "id" in message:
            return _reply(message, len(payload), number)
        match message["type"]:
            case "connection_ack":
                return Frame(number, len(payload), message, completes=True)
            case "ping":
                return Frame(number, len(payload), message, answers=('{"type": "pong"}',))
        return Frame(number, len(payload), message)

    def fold(self, frames: Sequence[Frame]) -> Any:
        return None

    def save(self, id_: str, project: int, task: int, title: str) -> str:
        return _operation(id_, self._document, {"data": {"id": str(task), "title": title}})


def dialect_of(side: str) -> Dialect:
    """Return how a side talks to those who watch."""
    return Ours() if side == OURS else Theirs()
