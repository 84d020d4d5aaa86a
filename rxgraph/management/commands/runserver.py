"""``manage.py runserver --makefrontend``: the development server keeps the front end's files true.

Everything else is left to the ``runserver`` that the project would have without this one: daphne's,
that of staticfiles, or Django's own. Django takes the command of the app that stands first, so
``rxgraph`` has to stand before those apps in ``INSTALLED_APPS``.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management import find_commands, load_command_class
from django.core.management.base import CommandError, CommandParser

from rxgraph.management.frontend.maker import Maker
from rxgraph.management.frontend.places import places


def following() -> type[Any]:
    """Return the ``runserver`` that comes after ours, in the order of ``INSTALLED_APPS``."""
    for config in apps.get_app_configs():
        if config.name != "rxgraph" and "runserver" in find_commands(f"{config.path}/management"):
            return type(load_command_class(config.name, "runserver"))
    return type(load_command_class("django.core", "runserver"))


class Command(following()):  # type: ignore[misc]
    """The project's ``runserver`` with one more option."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare ``--makefrontend``."""
        super().add_arguments(parser)
        parser.add_argument(
            "--makefrontend",
            action="store_true",
            help="write the front end's GraphQL and TypeScript files whenever they change",
        )

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Run once per reload: bring the files up to date, then serve whatever came of it."""
        if options["makefrontend"]:
            try:
                Maker(places(), lambda line: self.stdout.write(f"makefrontend: {line}")).refresh()
            except (CommandError, OSError) as error:
                self.stderr.write(self.style.ERROR(f"makefrontend: {error}"))
        super().inner_run(*args, **options)
