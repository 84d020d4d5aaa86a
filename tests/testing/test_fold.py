"""The fold: entities replaced whole, the nested state read by following ids."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.testing import DanglingReference, Fold


def event(kind: str, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "cursor": "c",
        "changed": {"all": list(instances)},
        "removed": [],
        "channel": None,
        **more,
    }


def task(id_: str, **data: Any) -> dict[str, Any]:
    return {"__typename": "Task", "id": id_, **data}


def ref(id_: str) -> dict[str, Any]:
    return {"__typename": "Task", "id": id_}


ROOT = {"__typename": "Project", "id": "1", "tasks": [ref("1"), ref("2")], "lead": ref("2")}
SNAPSHOT = event(
    "SNAPSHOT",
    ROOT,
    task("1", title="a"),
    task("2", title="b"),
    channel={"state": {"__typename": "Project", "id": "1"}},
)


def test_a_snapshot_nests():
    fold = Fold()
    assert fold.state is None
    fold.apply(SNAPSHOT)
    b = {"id": "2", "title": "b"}
    assert fold.state == {"id": "1", "tasks": [{"id": "1", "title": "a"}, b], "lead": b}


def test_a_delta_replaces_instances_whole_wherever_they_show():
    fold = Fold()
    fold.apply(SNAPSHOT)
    fold.apply(event("DELTA", task("2", title="c")))
    assert fold.state["lead"]["title"] == fold.state["tasks"][1]["title"] == "c"


def test_what_was_removed_must_not_be_linked_any_more():
    fold = Fold()
    fold.apply(SNAPSHOT)
    fold.apply(event("DELTA", removed=[{"typename": "Task", "nodeId": "2"}]))
    with pytest.raises(DanglingReference, match="Task 2"):
        _ = fold.state


def test_an_emptied_channel_is_no_state_and_a_list_channel_is_a_list():
    fold = Fold()
    fold.apply(SNAPSHOT)
    fold.apply(event("DELTA", channel={"state": None}))
    assert fold.state is None
    fold.apply(event("SNAPSHOT", task("1"), channel={"state": [ref("1")]}))
    assert fold.state == [{"id": "1"}]


def test_values_that_look_almost_like_references_are_values():
    fold = Fold()
    value = {"__typename": "x", "id": "1", "more": 2}
    fold.apply(event("SNAPSHOT", task("1", extra=value), channel={"state": ref("1")}))
    assert fold.state["extra"] == value
