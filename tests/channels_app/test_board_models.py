"""The rules that the board's database keeps."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models import ProtectedError

from channels_app.models import Label, Membership, Project, Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Lighthouse", owner=User.objects.create_user("owner"))


def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "channels_app", check=True, dry_run=True, verbosity=0)


def test_nobody_is_a_member_twice(project: Project) -> None:
    Membership.objects.create(project=project, user=project.owner)
    with pytest.raises(IntegrityError):
        Membership.objects.create(project=project, user=project.owner)


def test_label_names_are_unique() -> None:
    Label.objects.create(name="bug")
    with pytest.raises(IntegrityError):
        Label.objects.create(name="bug")


def test_a_budget_is_never_negative(project: Project) -> None:
    project.budget = Decimal(-1)
    with pytest.raises(IntegrityError):
        project.save()


@pytest.mark.parametrize("colour", ["red", "#FFF", "#12345g", "#123456\n"])
def test_a_colour_that_css_would_not_read_is_refused(colour: str) -> None:
    with pytest.raises(ValidationError):
        Label(name="bug", colour=colour).full_clean()


def test_a_task_outlives_its_assignee(project: Project) -> None:
    worker = User.objects.create_user("worker")
    task = Task.objects.create(project=project, title="Paint", assignee=worker)
    worker.delete()
    task.refresh_from_db()
    assert task.assignee is None


def test_who_owns_a_project_cannot_be_deleted(project: Project) -> None:
    with pytest.raises(ProtectedError):
        project.owner.delete()
