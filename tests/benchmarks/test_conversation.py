"""What a client of the benchmark understands, and when it looks at a message at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.conversation import Conversation, Tape, state_of
from benchmarks.dialects import CONNECTED, Dialect, dialect_of

TASK = {
    "__typename": "Task",
    "id": "2",
    "project": "1",
    "title": "seq-00000007",
    "dueAt": "2026-05-04T12:30:01Z",
    "comments": [],
}
PROJECT = {
    "__typename": "Project",
    "id": "1",
    "name": "One",
    "createdAt": "2026-05-04T12:30:01Z",
    "tasks": [{"__typename": "Task", "id": "2"}],
}
RENDERED = {
    "id": 1,
    "name": "One",
    "created_at": "2026-05-04T12:30:01Z",
    "tasks": [
        {
            "id": 2,
            "project": 1,
            "title": "seq-00000007",
            "due_at": "2026-05-04T12:30:01Z",
            "comments": [],
        }
    ],
}


def event(kind: str, *, session: str = "s", name: str = "One") -> bytes:
    """Return an event of RxGraph; a delta is about the task alone."""
    is_whole = kind == "SNAPSHOT"
    value: dict[str, Any] = {
        "__typename": "ProjectChannelEvent",
        "kind": kind,
        "channel": {"id": "c", "state": {"__typename": "Project", "id": "1"}} if is_whole else None,
        "changed": {
            "projects": [PROJECT | {"name": name}] if is_whole else [],
            "tasks": [TASK],
            "comments": [],
        },
        "removed": [],
        "session": session,
        "cursor": "k",
    }
    return json.dumps({"id": "1", "type": "next", "payload": {"data": {"project": value}}}).encode()


def test_who_gets_the_same_shares_a_frame_though_sessions_differ() -> None:
    tape = Tape(dialect_of("ours"))
    first, second = (Conversation(tape, 1, "t") for _ in range(2))
    first.receive(event("SNAPSHOT", session="a"), 1.0)
    second.receive(event("SNAPSHOT", session="b"), 2.0)
    assert len(tape.frames) == 1
    assert state_of(first, {}) == state_of(second, {}) == RENDERED


def test_a_first_state_ends_the_waiting_and_later_marks_are_kept() -> None:
    talk = Conversation(Tape(dialect_of("ours")), 1, "t")
    talk.receive(event("SNAPSHOT"), talk.started + 2.0)
    assert talk.seconds == pytest.approx(2.0)
    assert talk.newest == -1  # the first state is no arrival
    talk.receive(event("DELTA"), talk.started + 3.0)
    assert list(talk.times) == [talk.started + 3.0]
    assert talk.newest == 7


def test_a_big_message_is_understood_when_somebody_asks() -> None:
    tape = Tape(dialect_of("ours"))
    first, second = (Conversation(tape, 1, "t") for _ in range(2))
    big = "x" * 70_000
    first.receive(event("SNAPSHOT", name=big, session="a"), 1.0)
    second.receive(event("SNAPSHOT", name=big, session="b"), 1.0)
    assert first.first_state_at == second.first_state_at == 1.0
    assert [frame.message for frame in tape.frames] == [None, None]
    known: dict[tuple[int, ...], Any] = {}
    assert state_of(first, known) == state_of(second, known) == RENDERED | {"name": big}
    assert len(known) == 1  # and once for both


def test_who_only_connects_waits_for_the_answer_to_that() -> None:
    talk = Conversation(Tape(dialect_of(CONNECTED)), 1, "t")
    talk.receive(b'{"type": "connection_ack"}', 4.0)
    assert talk.first_state_at == 4.0


def test_asking_is_timed_from_the_last_word_of_the_client() -> None:
    talk = Conversation(Tape(dialect_of("ours")), 1, "t")
    talk.greeting()
    frame = talk.receive(b'{"type": "connection_ack"}', talk.started + 1.0)
    (said,) = talk.answers(frame)
    assert json.loads(said)["payload"]["variables"] == {"projectId": 1}
    asked = talk.asked
    talk.receive(event("SNAPSHOT"), asked + 3.0)
    assert talk.asked_seconds == pytest.approx(3.0)


def test_the_tree_of_a_stock_server_is_what_drf_renders() -> None:
    dialect: Dialect = dialect_of("plain")
    tree = {**PROJECT, "id": 1, "tasks": [{**TASK, "id": 2, "project": 1}]}
    message = {"id": "1", "type": "next", "payload": {"data": {"project": tree}}}
    frame = dialect.read(json.dumps(message).encode(), 0)
    assert frame.completes
    assert dialect.fold([frame]) == RENDERED


def test_an_error_is_a_problem() -> None:
    talk = Conversation(Tape(dialect_of("ours")), 1, "t")
    talk.receive(b'{"id": "1", "type": "error", "payload": [{"message": "no"}]}', 1.0)
    assert talk.first_state_at is None
    assert "no" in str(talk.problem)
