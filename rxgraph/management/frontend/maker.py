"""Make a front end's files, say what was done, and stay calm where something is missing."""

from __future__ import annotations

from collections.abc import Callable

from django.core.management.base import CommandError

from rxgraph.errors import DeclarationError
from rxgraph.management.frontend.generator import Absent, Generator, find_generator
from rxgraph.management.frontend.graphql_files import Change, compare, wanted_files
from rxgraph.management.frontend.places import Places


class Maker:
    """Makes and compares the files of one project; *say* takes lines for people."""

    def __init__(self, places: Places, say: Callable[[str], object]) -> None:
        self._places, self._say = places, say

    def make(self, *, force: bool = False) -> None:
        """Write the GraphQL files that differ, then generate TypeScript.

        *force*: write over files that makefrontend did not write.

        Raises:
            CommandError: a channel is declared wrongly, a file is somebody else's, or the
                generator fails.
        """
        self._make(force=force, lazily=False)

    def refresh(self) -> None:
        """Do the same where something has changed since the last time; the rest is silence.

        Raises:
            CommandError: as :meth:`make`.
        """
        self._make(force=False, lazily=True)

    def would_change(self) -> bool:
        """Show what :meth:`make` would change, write nothing; True when it would change something.

        Raises:
            CommandError: a channel is declared wrongly.
        """
        changes = compare(self._places.schema, _wanted())
        for change in changes:
            self._say(change.diff(self._places.told(change.path)).rstrip("\n"))
        generator = self._generator()
        if isinstance(generator, Absent):
            self._say(f"TypeScript was not compared. {self._lacking(generator)}")
            return bool(changes)
        if changes:
            self._say(f"TypeScript in {self._frontend} follows from these files")
            return True
        done = generator.run(check=True)
        self._say("nothing would change" if done.is_good else done.output)
        return not done.is_good

    def _make(self, *, force: bool, lazily: bool) -> None:
        wanted = _wanted()
        changes = compare(self._places.schema, wanted)
        self._write(changes, force=force)
        generator = self._generator()
        if isinstance(generator, Absent):
            if changes or not lazily:
                self._say(f"No TypeScript was generated. {self._lacking(generator)}")
            return
        if lazily and generator.has_seen(wanted):
            return
        done = generator.run()
        if not done.is_good:
            raise CommandError(
                f"{done.output}\n\nGraphQL Code Generator failed in {self._frontend}; its output is"
                " above"
            )
        generator.remember(wanted)
        self._say(f"generated TypeScript in {self._frontend}")

    def _write(self, changes: list[Change], *, force: bool) -> None:
        foreign = [self._places.told(change.path) for change in changes if change.is_foreign]
        if foreign and not force:
            raise CommandError(
                f"{', '.join(foreign)}: not written by makefrontend. Move what is yours to another"
                " name, or write over it with --force"
            )
        for change in changes:
            change.write()
            self._say(f"{change.verb} {self._places.told(change.path)}")

    def _generator(self) -> Generator | Absent:
        return find_generator(self._places.frontend)

    def _lacking(self, absent: Absent) -> str:
        return f"{self._frontend}: {absent.reason}"

    @property
    def _frontend(self) -> str:
        return self._places.told(self._places.frontend)


def _wanted() -> dict[str, str]:
    try:
        return wanted_files()
    except DeclarationError as error:
        raise CommandError(str(error)) from error
