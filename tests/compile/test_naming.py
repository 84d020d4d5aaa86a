"""Where names come from."""

from __future__ import annotations

import pytest

from rxgraph.compile import naming


@pytest.mark.parametrize(
    ("name", "stem", "field"),
    [
        ("ProjectChannel", "Project", "project"),
        ("ProjectContextChannel", "Project", "project"),
        ("ProjectListChannel", "ProjectList", "projectList"),
        ("Board", "Board", "board"),
        ("Channel", "Channel", "channel"),
        ("HTTPLogChannel", "HTTPLog", "httpLog"),
        ("URLChannel", "URL", "url"),
    ],
)
def test_channels(name: str, stem: str, field: str) -> None:
    assert naming.channel_stem(name) == stem
    assert naming.channel_field(stem) == field


@pytest.mark.parametrize(
    ("name", "camel"),
    [
        ("due_date", "dueDate"),
        ("dueDate", "dueDate"),
        ("_hidden", "_hidden"),
        ("a__b", "aB"),
        ("item_2", "item2"),
        ("x", "x"),
    ],
)
def test_camel_case(name: str, camel: str) -> None:
    assert naming.camel_case(name) == camel


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("Task", "Tasks"),
        ("Entry", "Entries"),
        ("Day", "Days"),
        ("Box", "Boxes"),
        ("Bus", "Buses"),
        ("Match", "Matches"),
        ("Dish", "Dishes"),
        ("Quiz", "Quizes"),
    ],
)
def test_plural(one: str, many: str) -> None:
    assert naming.plural(one) == many


def test_changes_fields_that_collide_are_named_after_their_types() -> None:
    assert naming.changes_fields(["Task", "News", "Newses", "Box", "Boxe"]) == {
        "Task": "tasks",
        "News": "newses",
        "Newses": "newseses",
        "Box": "boxList",
        "Boxe": "boxeList",
    }


def test_layer_types() -> None:
    assert naming.layer_type("TaskSerializer") == "Task"
    assert naming.layer_type("Serializer") == "Serializer"
    assert naming.layer_type("Plain") == "Plain"


def test_enum_members_are_named_after_values_or_labels_and_never_twice() -> None:
    choices = [
        ("in-progress", "Doing"),
        ("in progress", "Doing too"),
        ("", "Nothing"),
        ("7-inch", "Seven"),
        ("é", "Accent"),
        ("!!!", "Shout"),
        (1, "High"),
        (2, "2nd"),
        (-3, "-"),
        ("_private_", "Private"),
    ]
    assert [name for name, _ in naming.enum_members(choices)] == [
        "IN_PROGRESS",
        "IN_PROGRESS_2",
        "BLANK",
        "VALUE_7_INCH",
        "E",
        "VALUE_6",
        "HIGH",
        "VALUE_2",
        "VALUE_MINUS_3",
        "PRIVATE",
    ]


def test_valid_names() -> None:
    assert naming.is_valid_name("_ok1")
    assert not naming.is_valid_name("__type")
    assert not naming.is_valid_name("1st")
    assert not naming.is_valid_name("naïve")
    assert not naming.is_valid_name("")
