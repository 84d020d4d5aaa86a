"""``manage.py demo_data``: fill the board, and say who can sign in and what to open."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rest_framework.authtoken.models import Token

from channels_app.demo import content
from channels_app.demo.fill import fill_board
from channels_app.models import Membership, Project

PASSWORD = "demo"  # noqa: S105 - known to everybody, so set under DEBUG only
ADMIN = "admin"  # name and password of the superuser, under DEBUG only
SHOWN_PROJECTS = 12


class Command(BaseCommand):
    help = "Fill the project board with believable data. A second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--projects", type=int, default=len(content.PROJECTS), help="How many (default: 4)."
        )
        parser.add_argument(
            "--tasks", type=int, default=10, help="How many in each new project (default: 10)."
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Work without DEBUG too: nobody gets a password, and there is no superuser.",
        )
        parser.add_argument(
            "--url",
            default="http://localhost:8000",
            help="Where the server is, for the addresses printed (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError(
                "DEBUG is off, so this may be a real site; demo_data writes accounts and projects "
                "to its database. Set DJANGO_DEBUG=1, or use --force: then nobody gets a password."
            )
        for name in ("projects", "tasks"):
            if options[name] < 0:
                raise CommandError(f"--{name} is {options[name]}; use 0 or more")
        people = {person.username: _user(person) for person in content.PEOPLE}
        superuser = _superuser() if settings.DEBUG else None
        created = fill_board(
            people,
            projects=options["projects"],
            tasks_per_project=options["tasks"],
            now=timezone.now(),
        )
        self._print_accounts([*people.values(), *([superuser] if superuser else [])])
        self._print_projects(created)
        self._print_what_to_open(options["url"].rstrip("/"), people["ada"])

    def _print_accounts(self, users: list[User]) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING("Accounts"))
        for user in users:
            token, _ = Token.objects.get_or_create(user=user)
            password = (ADMIN if user.username == ADMIN else PASSWORD) if settings.DEBUG else "none"
            self.stdout.write(f"  {user.username:<10} password {password:<7} token {token.key}")

    def _print_projects(self, created: list[Project]) -> None:
        total = Project.objects.count()
        self.stdout.write(
            self.style.MIGRATE_HEADING(f"Projects: {total}, of which {len(created)} new")
        )
        roles: dict[int, list[str]] = {}
        shown = list(Project.objects.order_by("id")[:SHOWN_PROJECTS])
        for member in Membership.objects.filter(project__in=shown).select_related("user"):
            roles.setdefault(member.project_id, []).append(
                f"{member.user.username} ({member.role})"
            )
        for project in shown:
            who = ", ".join(roles.get(project.pk, []))
            self.stdout.write(f"  {project.pk:>3}  {project.name:<26} {who}")
        if total > len(shown):
            self.stdout.write(f"  … and {total - len(shown)} more")

    def _print_what_to_open(self, url: str, user: User) -> None:
        project = Project.objects.visible_to(user).order_by("id").first()
        key = Token.objects.get(user=user).key
        self.stdout.write(self.style.MIGRATE_HEADING("What to open"))
        self.stdout.write(f"  {url}/          the board, live on two clients")
        self.stdout.write(f"  {url}/graphql   GraphiQL, and where clients connect")
        self.stdout.write(f"  {url}/admin/    change something here, and watch it arrive in")
        if project is not None:
            self.stdout.write(
                f"  .venv/bin/python manage.py rxgraph_watch project --project-id {project.pk}"
                f" --url {url.replace('http', 'ws', 1)}/graphql --token {key}"
            )
            task = project.tasks.order_by("id").first()
            if task is not None:
                self.stdout.write("  or write as a client does:")
                self.stdout.write(_CURL % (url, key, project.pk, task.pk))


_CURL = """  curl -s %s/graphql -H 'Content-Type: application/json' \\
    -H 'Authorization: Token %s' -d '{"query": "mutation { \
projectSaveTask(projectId: %s, id: %s, data: {status: DONE}) \
{ task { id title status } messages { field message } } }"}'"""


def _user(person: content.Person) -> User:
    """Return the account of *person*; a new one has the demo password under DEBUG, else none."""
    user = User.objects.filter(username=person.username).first()
    if user is None:
        user = User.objects.create_user(
            person.username,
            password=PASSWORD if settings.DEBUG else None,
            first_name=person.first_name,
            last_name=person.last_name,
        )
    return user


def _superuser() -> User:
    user = User.objects.filter(username=ADMIN).first()
    return user or User.objects.create_superuser(ADMIN, password=ADMIN)
