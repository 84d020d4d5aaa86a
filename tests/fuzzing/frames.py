"""Frames of a WebSocket: messages out of turn, messages that are none, text and bytes."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.fuzzing import values

Frame = str | bytes | list[bytes]  # a list: one text message in fragments

_TYPES = (
    *("connection_init", "connection_ack", "ping", "pong", "subscribe", "next", "error"),
    *("complete", "start", "stop", "Ping", ""),
)


def frames(random: Random, init: dict[str, Any], good: dict[str, Any]) -> list[Frame]:
    """Return what one client sends; *init*: a payload that signs in, *good*: an operation."""
    found: list[Frame] = []
    if random.random() < 0.8:
        found.append(json.dumps({"type": "connection_init", "payload": init}))
    for _ in range(random.randint(1, 8)):
        found.append(
            json.dumps(_right(random, good)) if random.random() < 0.75 else _frame(random, good)
        )
    return found


def _frame(random: Random, good: dict[str, Any]) -> Frame:
    kind = random.randint(0, 9)
    if kind == 0:
        return values.text(random).encode(errors="replace").decode()
    if kind == 1:
        return bytes(random.randrange(256) for _ in range(random.randint(0, 30)))
    text = json.dumps(_message(random, good), ensure_ascii=random.random() < 0.5)
    text = text.encode(errors="replace").decode()
    if kind == 2:
        return text[: random.randrange(len(text) + 1)]
    if kind == 3:
        place = random.randrange(len(text) + 1)
        return text[:place] + random.choice('{}[]",:\\\x00\ufeff 0n') + text[place:]
    if kind == 4:
        return "[" * random.choice((3, 200, 1500, 100_000))
    if kind == 5:
        return text.encode()
    if kind == 6 and len(text) > 4:
        raw, place = text.encode(), random.randrange(1, 4)
        return [raw[:place], raw[place:]]
    return text


def _right(random: Random, good: dict[str, Any]) -> dict[str, Any]:
    """Return a message that may be right at this point."""
    id_ = random.choice("abcdefgh")
    return random.choice(
        (
            {"type": "ping"},
            {"type": "pong", "payload": {"a": 1}},
            {"type": "complete", "id": id_},
            {"type": "subscribe", "id": id_, "payload": good},
            {"type": "subscribe", "id": id_, "payload": {"query": values.text(random)}},
        )
    )


def _message(random: Random, good: dict[str, Any]) -> Any:
    if random.random() < 0.1:
        return values.value(random)
    if random.random() < 0.05:
        return {"type": "ping", "payload": {"a": values.nest(random.choice((240, 260, 700)))}}
    found: dict[str, Any] = {"type": random.choice(_TYPES)}
    if random.random() < 0.7:
        found["id"] = random.choice(("a", "a", "b", values.value(random)))
    if random.random() < 0.7:
        found["payload"] = good if random.random() < 0.6 else values.value(random)
    if random.random() < 0.3 and isinstance(found.get("payload"), dict):
        name = random.choice(("query", "variables", "operationName", "extensions"))
        found["payload"] = {**found["payload"], name: values.value(random)}
    if random.random() < 0.1:
        found[random.choice(("type", "more"))] = values.value(random)
    return found
