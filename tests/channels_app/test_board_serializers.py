"""The state that the board's serializers render, and what they keep to themselves."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework import serializers

from channels_app.models import Comment, Label, Membership, Note, Project, Task
from channels_app.serializers import NoteSerializer, ProjectSerializer, UserSerializer

MOMENT = datetime(2030, 5, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def project(db: None) -> Project:
    ada = User.objects.create_user("ada", "ada@example.org", first_name="Ada")
    project = Project.objects.create(
        name="Lighthouse",
        status=Project.Status.ACTIVE,
        owner=ada,
        due=date(2030, 6, 1),
        budget=Decimal("12.50"),
        created_at=MOMENT,
    )
    Membership.objects.create(project=project, user=ada, role=Membership.Role.OWNER)
    task = Task.objects.create(
        project=project,
        title="Paint the door",
        assignee=ada,
        estimate=timedelta(hours=26),
        created_at=MOMENT,
    )
    task.labels.add(Label.objects.create(name="outside", colour="#112233"))
    task.checklist.create(text="Second coat", position=2)
    task.checklist.create(text="First coat", position=1, done=True)
    Comment.objects.create(task=task, author=ada, body="Red!", created_at=MOMENT)
    Note.objects.create(task=task, owner=ada, body="Buy the good brush.")
    return project


def test_a_project_renders_with_everything_below_it(project: Project) -> None:
    data: dict[str, Any] = dict(ProjectSerializer(project).data)
    ada = {"id": project.owner.pk, "username": "ada", "first_name": "Ada", "last_name": ""}
    [membership], [task] = data.pop("memberships"), data.pop("tasks")
    assert data == {
        "id": project.pk,
        "name": "Lighthouse",
        "description": "",
        "status": "active",
        "is_open": True,
        "due": "2030-06-01",
        "budget": "12.50",
        "created_at": "2030-05-01T12:30:00Z",
        "owner": ada,
    }
    assert (membership["user"], membership["role"]) == (ada, "owner")
    assert task["assignee"] == ada
    assert task["estimate"] == "1 02:00:00"
    assert [label["name"] for label in task["labels"]] == ["outside"]
    assert [step["text"] for step in task["checklist"]] == ["First coat", "Second coat"]
    assert [(remark["author"], remark["body"]) for remark in task["comments"]] == [(ada, "Red!")]
    assert [note["body"] for note in task["notes"]] == ["Buy the good brush."]


def test_tasks_come_in_the_order_of_the_board(project: Project) -> None:
    Task.objects.create(project=project, title="Last", position=9)
    Task.objects.create(project=project, title="First", position=0)
    Task.objects.filter(title="Paint the door").update(position=1)
    titles = [task["title"] for task in ProjectSerializer(project).data["tasks"]]
    assert titles == ["First", "Paint the door", "Last"]


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("planned", True), ("active", True), ("paused", False), ("done", False)],
)
def test_a_project_is_open_while_there_is_work_left(status: str, is_open: bool) -> None:
    assert ProjectSerializer().get_is_open(Project(status=status)) is is_open


def test_people_are_shown_without_their_email_address(project: Project) -> None:
    assert set(UserSerializer(project.owner).data) == {
        "id",
        "username",
        "first_name",
        "last_name",
    }
    assert "example.org" not in str(ProjectSerializer(project).data)


def test_notes_belong_to_their_owner() -> None:
    assert NoteSerializer.Meta.user_key == "owner"
    assert "owner" in NoteSerializer.Meta.fields


def test_every_field_that_is_not_an_id_describes_itself() -> None:
    def undescribed(serializer: Any, path: str) -> list[str]:
        missing = []
        for name, field in serializer.fields.items():
            if isinstance(field, serializers.ListSerializer):
                child: Any = field.child
            else:
                child = field
            if name != "id" and not (field.help_text or child.help_text):
                missing.append(f"{path}.{name}")
            if isinstance(child, serializers.BaseSerializer):
                missing += undescribed(child, f"{path}.{name}")
        return missing

    users = {"first_name", "last_name"}  # Django's own model; the names say it
    assert [
        path
        for path in undescribed(ProjectSerializer(), "project")
        if path.rpartition(".")[2] not in users
    ] == []
