"""``manage.py demo_data``: believable data, the same every time, and never by accident."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.utils import timezone
from rest_framework.authtoken.models import Token

from channels_app.models import (
    ChecklistItem,
    Comment,
    Label,
    Membership,
    Note,
    Project,
    Task,
)

pytestmark = pytest.mark.django_db

MODELS: tuple[type[Model], ...] = (
    User,
    Token,
    Label,
    Project,
    Membership,
    Task,
    ChecklistItem,
    Comment,
    Note,
)
# The hashes are slow on purpose; which one is used is not the question here.
FAST_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def debug(settings: Any) -> None:
    settings.DEBUG = True
    settings.PASSWORD_HASHERS = FAST_HASHERS


def demo_data(*args: str) -> str:
    out = StringIO()
    call_command("demo_data", *args, stdout=out, no_color=True)
    return out.getvalue()


def rows() -> list[dict[str, Any]]:
    def all_rows() -> Iterator[dict[str, Any]]:
        for model in MODELS:
            yield from model._default_manager.order_by("pk").values()
        yield from Task.labels.through._default_manager.order_by("pk").values()

    return list(all_rows())


def test_first_run_fills_four_boards() -> None:
    demo_data()
    assert Project.objects.count() == 4
    assert Task.objects.count() == 40
    assert Note.objects.values("owner").distinct().count() > 1
    assert {model.__name__ for model in MODELS if not model._default_manager.exists()} == set()


def test_second_run_changes_nothing() -> None:
    demo_data()
    before = rows()
    demo_data()
    assert rows() == before


def test_second_run_keeps_what_people_changed() -> None:
    demo_data()
    Project.objects.filter(name="Pocket timetable").update(name="Timetable for pockets")
    Task.objects.filter(project__name="Harbour Museum website").delete()
    before = rows()
    demo_data()
    assert rows() == before


def test_a_deleted_project_comes_back() -> None:
    demo_data()
    Project.objects.filter(name="Pocket timetable").delete()
    demo_data()
    assert Project.objects.get(name="Pocket timetable").tasks.count() == 10


def test_boards_say_the_same_wherever_they_are_made() -> None:
    def said() -> list[tuple[Any, ...]]:
        fields = ("project__name", "title", "status", "priority", "assignee__username", "position")
        return list(Task.objects.order_by("project__name", "position").values_list(*fields))

    demo_data()
    first = said()
    Project.objects.all().delete()
    demo_data()
    assert said() == first


def test_bigger_boards_add_to_smaller_ones() -> None:
    demo_data("--projects", "1", "--tasks", "3")
    demo_data("--projects", "6", "--tasks", "15")
    sizes = [project.tasks.count() for project in Project.objects.order_by("id")]
    assert sizes == [3, 15, 15, 15, 15, 15]


def test_the_number_of_tasks_does_not_change_the_number_of_queries(
    django_assert_max_num_queries: Any,
) -> None:
    demo_data("--projects", "0")
    with django_assert_max_num_queries(60):
        demo_data("--projects", "1", "--tasks", "700")
    assert Task.objects.count() == 700


def test_everything_happened_before_now() -> None:
    demo_data("--projects", "6", "--tasks", "30")
    now = timezone.now()
    assert not Task.objects.filter(created_at__gt=now).exists()
    assert not Comment.objects.filter(created_at__gt=now).exists()


def test_only_members_work_comment_and_keep_notes() -> None:
    demo_data("--projects", "6", "--tasks", "30")
    for project in Project.objects.all():
        members = set(project.memberships.values_list("user", flat=True))
        assert project.owner_id in members
        workers = project.tasks.exclude(assignee=None).values_list("assignee", flat=True)
        assert set(workers) <= members
        comments = Comment.objects.filter(task__project=project)
        assert set(comments.values_list("author", flat=True)) <= members
        notes = Note.objects.filter(task__project=project)
        assert set(notes.values_list("owner", flat=True)) <= members


def test_it_prints_accounts_tokens_and_what_to_open() -> None:
    text = demo_data("--url", "http://localhost:9000/")
    for username in ("ada", "grace", "linus", "margaret", "admin"):
        assert username in text
        assert Token.objects.get(user__username=username).key in text
    project = Project.objects.get(name="Harbour Museum website")
    assert "http://localhost:9000/graphql" in text
    assert f"rxgraph_watch project --project-id {project.pk} --url ws:" in text


def test_under_debug_people_sign_in_with_the_printed_passwords() -> None:
    demo_data()
    assert User.objects.get(username="ada").check_password("demo")
    admin = User.objects.get(username="admin")
    assert admin.check_password("admin")
    assert admin.is_superuser


def test_accounts_that_exist_keep_their_passwords() -> None:
    User.objects.create_user("ada", password="her own")
    demo_data()
    assert User.objects.get(username="ada").check_password("her own")


def test_without_debug_it_refuses_and_writes_nothing(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match=r"DEBUG is off.*--force"):
        demo_data()
    assert not User.objects.exists()
    assert not Project.objects.exists()


def test_forced_without_debug_nobody_gets_a_password_or_the_keys(settings: Any) -> None:
    settings.DEBUG = False
    demo_data("--force")
    assert Project.objects.count() == 4
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert not User.objects.filter(is_staff=True).exists()


@pytest.mark.parametrize("option", ["--projects", "--tasks"])
def test_a_negative_number_is_refused_by_name(option: str) -> None:
    with pytest.raises(CommandError, match=f"{option} is -1"):
        demo_data(f"{option}=-1")
