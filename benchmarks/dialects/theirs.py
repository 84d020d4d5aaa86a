"""RxDjango."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.dialects.base import Frame, Instances, nest, newest


class Theirs:
    """RxDjango's own protocol: lists of flat instances, of later ones what has changed."""

    subprotocol: str | None = None

    def path(self, project: int) -> str:
        return f"/ws/project/{project}/"

    def greeting(self, project: int, token: str) -> list[str]:
        return [json.dumps({"token": token})]

    def key(self, payload: bytes) -> bytes:
        return payload

    def completes(self, payload: bytes) -> bool:
        return b'"end_initial_state"' in payload

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
