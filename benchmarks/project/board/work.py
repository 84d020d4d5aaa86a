"""A process that does errands of the benchmark: JSON lines in, JSON lines out.

``python -m benchmarks.project.board.work SIDE`` where SIDE is the module ``side`` of ``ours`` or
``theirs``. A request is ``{"do": NAME, …}``; the answer has ``result`` or ``error``.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django is set up now
from django.db import DEFAULT_DB_ALIAS, connections  # noqa: E402

from benchmarks.project.board import counting, data, lists  # noqa: E402
from benchmarks.project.board.models import Task  # noqa: E402

_TASKS = 10  # saved in turn
_MARK = "seq-{:08d}"


class Errands:
    """What this process can be asked to do."""

    def __init__(self, side: Any) -> None:
        self._side = side
        self._saves = 0

    def prepare(self, projects: list[int]) -> dict[str, Any]:
        """Make tables, a user with a token, and projects of so many instances each."""
        call_command("migrate", verbosity=0)
        token = data.make_user()
        made = [data.make_project(instances) for instances in projects]
        data.analyze()
        return {"token": token, "projects": made}

    def make_user(self, name: str) -> str:
        """Return the token of another user."""
        return data.make_user(name)

    def prepare_lists(self, shelves: list[int], users: int, feed: int) -> dict[str, Any]:
        """Make a list of so many projects for one user each, and users who share a feed."""
        return lists.prepare(shelves, users, feed)

    def create_listed(self, mark: int) -> float:
        """Create a project that everybody sees; answer when that began."""
        return lists.create(_MARK.format(mark))

    def give_away(self, user: int, mark: int) -> float:
        """Give a project that nobody sees to *user*; answer when that began."""
        return lists.give_away(user, _MARK.format(mark))

    def render_list(self, user: int, channel: str) -> Any:
        """Return what DRF makes of what a user's list shows now, by id."""
        return lists.render(user, channel)

    def heat(self, project: int) -> None:
        """Fill the cache of a project."""
        self._side.heat(project)

    def render(self, project: int) -> Any:
        """Return what DRF makes of a project now."""
        return data.render(project)

    def save(self, project: int, times: int, plain: bool) -> dict[str, Any]:
        """Save tasks of a project one after the other; *plain*: as Django alone does it."""
        tasks = _tasks(project)
        seconds = []
        with self._side.plain() if plain else nullcontext():
            statements, commands = Counter(counting.statements), Counter(counting.commands)
            for n in range(times):
                task = tasks[n % len(tasks)]
                self._saves += 1
                task.title = f"save {self._saves}"
                before = time.perf_counter()
                task.save()
                seconds.append(time.perf_counter() - before)
            statements = counting.statements - statements
            commands = counting.commands - commands
        return {
            "seconds": seconds,
            "statements": {sql: count / times for sql, count in statements.items()},
            "commands": {name: count / times for name, count in commands.items()},
        }

    def make(self, instances: int) -> int:
        """Make a project of so many instances; answer its id."""
        return data.make_project(instances)

    def make_many(self, count: int, instances: int) -> list[int]:
        """Make so many of them; answer their ids."""
        made = [data.make_project(instances) for _ in range(count)]
        data.analyze()
        return made

    def analyze(self) -> None:
        """Let the database know what it holds."""
        data.analyze()

    def write(
        self, project: int, per_second: float, seconds: float, first: int = 0
    ) -> dict[str, Any]:
        """Save tasks at a steady pace; answer when each save was committed and how long it took.

        A pace of 0 is without pause. Marks are numbers from *first* on. Times of commits are of
        the monotonic clock, which all processes of a machine share.
        """
        tasks = _tasks(project)
        committed: list[float] = []
        durations: list[float] = []
        commands = Counter(counting.commands)
        with _Commits(connections[DEFAULT_DB_ALIAS]) as commits:
            start = time.monotonic()
            for n in itertools.count():
                if n == round(per_second * seconds) if per_second else _past(start + seconds):
                    break
                if per_second:
                    time.sleep(max(0.0, start + n / per_second - time.monotonic()))
                task = tasks[n % len(tasks)]
                task.title = _MARK.format(first + n)
                before = time.monotonic()
                task.save()
                durations.append(time.monotonic() - before)
                committed.append(commits.newest)
            took = time.monotonic() - start
        return {
            "committed": committed,
            "durations": durations,
            "took": took,
            "commands": dict(Counter(counting.commands) - commands),
        }


class _Commits:
    """Knows when the newest update of a task was committed."""

    def __init__(self, connection: Any) -> None:
        self.newest = 0.0
        self._connection, self._commit = connection, connection._commit
        self._is_open = False  # updated, not committed yet

    def __enter__(self) -> _Commits:
        self._connection._commit = self._committed
        self._connection.execute_wrappers.append(self._executed)
        return self

    def __exit__(self, *raised: object) -> None:
        self._connection._commit = self._commit
        self._connection.execute_wrappers.remove(self._executed)

    def _committed(self) -> None:
        self._commit()
        if self._is_open:
            self.newest, self._is_open = time.monotonic(), False

    def _executed(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith(f'UPDATE "{Task._meta.db_table}"'):
            self._is_open = bool(self._connection.in_atomic_block)
            if not self._is_open:
                self.newest = time.monotonic()
        return result


def _past(moment: float) -> bool:
    return time.monotonic() >= moment


def _tasks(project: int) -> list[Task]:
    return list(Task.objects.filter(project_id=project).order_by("pk")[:_TASKS])


def main() -> None:
    """Do errands until the input ends."""
    errands = Errands(import_module(sys.argv[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing else may write between the lines
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(errands, request.pop("do"))(**request)}
        except Exception:  # noqa: BLE001 - the one who asked shows it
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
