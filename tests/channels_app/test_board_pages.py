"""The pages of the demo, as a browser asks for them."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from channels_app import settings as board_settings
from channels_app.models import Comment, Label, Note, Project, Task

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def served_as_in_the_demo(settings: Any) -> None:
    for name in ("ROOT_URLCONF", "MIDDLEWARE", "TEMPLATES", "STATIC_URL", "LOGIN_URL"):
        setattr(settings, name, getattr(board_settings, name))


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def task(admin: User) -> Task:
    project = Project.objects.create(name="Lighthouse", owner=admin)
    Label.objects.create(name="outside")
    return Task.objects.create(project=project, title="Paint the door", assignee=admin)


@pytest.fixture
def browser(admin: User, client: Client) -> Client:
    client.force_login(admin)
    return client


def test_the_front_page_shows_strangers_no_project(client: Client, task: Task) -> None:
    page = client.get("/").content.decode()
    assert "Sign in" in page
    assert "Lighthouse" not in page


def test_the_front_page_lists_projects_and_a_subscription(browser: Client, task: Task) -> None:
    page = browser.get("/").content.decode()
    assert "Lighthouse" in page
    assert f"project(projectId: {task.project_id})" in page


@pytest.mark.parametrize("model", ["project", "task", "label", "note"])
def test_every_admin_list_opens_and_searches(browser: Client, task: Task, model: str) -> None:
    Note.objects.create(task=task, owner=task.project.owner, body="The good brush.")
    for address in ("", "?q=good", "add/"):
        assert browser.get(f"/admin/channels_app/{model}/{address}").status_code == 200


def test_the_task_page_opens_with_its_checklist_and_comments(browser: Client, task: Task) -> None:
    task.checklist.create(text="First coat")
    Comment.objects.create(task=task, author=task.project.owner, body="Red!")
    page = browser.get(f"/admin/channels_app/task/{task.pk}/change/").content.decode()
    assert "First coat" in page
    assert "Red!" in page


def test_the_project_page_opens_with_its_tasks(browser: Client, task: Task) -> None:
    page = browser.get(f"/admin/channels_app/project/{task.project_id}/change/").content.decode()
    assert "Paint the door" in page


def test_the_done_action_moves_the_selected_tasks(browser: Client, task: Task) -> None:
    other = Task.objects.create(project=task.project, title="Oil the hinge")
    data = {"action": "mark_done", "_selected_action": [task.pk]}
    browser.post("/admin/channels_app/task/", data)
    assert list(Task.objects.filter(status="done")) == [task]
    assert other in Task.objects.filter(status="todo")


def test_the_admin_shows_nobody_the_notes_of_another(browser: Client, task: Task) -> None:
    stranger = User.objects.create_user("stranger")
    note = Note.objects.create(task=task, owner=stranger, body="Between me and me.")
    assert b"Between me" not in browser.get("/admin/channels_app/note/").content
    address = f"/admin/channels_app/note/{note.pk}/change/"
    assert b"Between me" not in browser.get(address, follow=True).content


def test_a_note_written_in_the_admin_belongs_to_its_writer(browser: Client, task: Task) -> None:
    browser.post("/admin/channels_app/note/add/", {"task": task.pk, "body": "Matte, not glossy."})
    assert Note.objects.get().owner == task.project.owner


class TestDemoPage:
    """What the page of the demo is told, and where: on a developer's machine and nowhere else."""

    @pytest.fixture(autouse=True)
    def on_a_developers_machine(self, settings: Any) -> None:
        settings.DEBUG = True
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        settings.STATICFILES_DIRS = []
        call_command("demo_data", stdout=StringIO())

    def test_the_front_page_is_the_board_under_a_policy(self, client: Client) -> None:
        answer = client.get("/")
        assert "channels_app/board/board.js" in answer.content.decode()
        assert "script-src 'self';" in answer["Content-Security-Policy"]
        assert "csrftoken" in answer.cookies

    def test_the_session_names_the_people_with_their_tokens_and_projects(
        self, client: Client
    ) -> None:
        answer = client.get("/demo/session")
        found = answer.json()
        ada = found["people"][0]
        assert ada["name"] == "Ada Lovelace"
        assert ada["token"] == Token.objects.get(user__username="ada").key
        assert ada["projects"] == [
            str(pk)
            for pk in Project.objects.visible_to(User.objects.get(username="ada")).values_list(
                "pk", flat=True
            )
        ]
        assert len(found["projects"]) == 4
        assert (found["mode"], answer["Cache-Control"]) == ("normal", "no-store")
        assert "admin" not in [person["username"] for person in found["people"]]

    def test_the_switch_takes_modes_and_says_which_there_are(self, client: Client) -> None:
        def post(body: str) -> Any:
            return client.post("/demo/server", body, content_type="application/json")

        assert post('{"mode": "slow"}').json() == {"mode": "slow"}
        assert client.get("/demo/session").json()["mode"] == "slow"
        for wrong in ('{"mode": "fast"}', "{}", "[]", "nothing"):
            answer = post(wrong)
            assert answer.status_code == 400
            assert "normal, slow, refuse" in answer.content.decode()
        post('{"mode": "normal"}')

    def test_other_sites_cannot_turn_the_switch(self) -> None:
        strict = Client(enforce_csrf_checks=True)
        answer = strict.post("/demo/server", '{"mode": "slow"}', content_type="application/json")
        assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("debug", "address"), [(False, "127.0.0.1"), (True, "192.0.2.7"), (True, "")]
    )
    def test_nobody_else_is_told_anything(
        self, client: Client, settings: Any, debug: bool, address: str
    ) -> None:
        settings.DEBUG = debug
        assert client.get("/demo/session", REMOTE_ADDR=address).status_code == 404
        answer = client.post("/demo/server", "{}", "application/json", REMOTE_ADDR=address)
        assert answer.status_code == 404
        assert "board.js" not in client.get("/", REMOTE_ADDR=address).content.decode()
