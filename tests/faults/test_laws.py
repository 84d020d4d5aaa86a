"""The laws find what they are there to find."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.faults.laws import Memory, halves, leaks
from tests.faults.work import secret


def task(id_: str, title: str, stamp: str, position: int, **lists: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"checklist": [], "comments": [], "notes": [], "labels": []}
    plain = {"id": id_, "title": title, "description": stamp, "position": position}
    return {**plain, "assignee": None, **empty, **lists}


@pytest.fixture
def state() -> dict[str, Any]:
    person = {"id": "1", "firstName": "3 a"}
    comment = {"id": "7", "body": "2 hello", "author": person}
    step = {"id": "9", "text": "audit s4", "position": 1}
    return {
        "id": "1",
        "budget": "4.00",
        "description": "s4",
        "owner": person,
        "memberships": [{"id": "1", "user": person}],
        "tasks": [
            task("1", "pair first", "s4", 5, checklist=[step]),
            task("2", "pair first", "s4", 5),
            task("3", "single", "s1", 2, comments=[comment], labels=[{"id": "1", "name": "0 x"}]),
            task("4", "single", "s2", 2, notes=[{"id": "1", "body": secret(1, 6)}]),
        ],
    }


def test_a_state_as_it_should_be_is_left_alone(state: dict[str, Any]) -> None:
    memory = Memory()
    assert halves(state) == []
    assert memory.look(state) == memory.look(copy.deepcopy(state)) == []
    assert leaks(state, 1) == []


def test_halves_of_a_transaction_are_found(state: dict[str, Any]) -> None:
    state["tasks"][1]["description"] = "s5"
    assert "written in halves" in halves(state)[0]
    del state["tasks"][1]
    assert halves(state) == ["'pair first' has 1 tasks"]


def test_half_an_audit_is_found(state: dict[str, Any]) -> None:
    state["description"] = "s5"
    assert halves(state) == ["an audit was written in halves: ['s4', 's5']"]


def test_what_is_in_two_places_is_found(state: dict[str, Any]) -> None:
    state["tasks"][3]["comments"] = state["tasks"][2]["comments"]
    assert halves(state) == ["('comments', '7') is in two places at once"]


def test_what_was_taken_back_is_found(state: dict[str, Any]) -> None:
    state["tasks"][2]["title"] = "UNDONE"
    assert halves(state) == ["what was taken back is shown"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("budget",), "3.00"),
        (("owner", "firstName"), "2 a"),
        (("tasks", 2, "position"), 1),
        (("tasks", 0, "checklist", 0, "position"), 0),
        (("tasks", 2, "comments", 0, "body"), "1 older"),
        (("tasks", 3, "notes", 0, "body"), secret(1, 5)),
    ],
)
def test_going_back_is_found(state: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    memory = Memory()
    memory.look(copy.deepcopy(state))
    *parents, name = path
    place: Any = state
    for parent in parents:
        place = place[parent]
    place[name] = value
    [found] = memory.look(state)
    assert "went back" in found


def test_what_comes_back_is_found(state: dict[str, Any]) -> None:
    memory = Memory()
    memory.look(copy.deepcopy(state))
    gone = state["tasks"].pop(3)
    assert memory.look(copy.deepcopy(state)) == []
    state["tasks"].append(gone)
    assert memory.look(state) == ["('tasks', '4') was deleted and is back"]


def test_a_note_for_somebody_else_is_found(state: dict[str, Any]) -> None:
    assert leaks(state, 2) == ["a note of 1 was sent to 2"]


def test_a_mixture_of_two_versions_is_found(state: dict[str, Any]) -> None:
    for found in state["tasks"]:
        found["title"] += "!"
    assert halves(state) == []
    state["tasks"][3]["title"] = "single"
    assert halves(state) == ["what two versions render is mixed"]
