"""What each user may see, worked out from the rows alone, as the documentation has it.

It knows nothing of the library: rows come as plain dictionaries, and what comes out are *tokens*,
the ids and texts that may stand in what a user receives. Each text and id exists once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tests.isolation.worlds import OWNER, TEXT, World

Rows = dict[str, Any]  # name of a model: its rows as dictionaries; members: pairs of ids

#: Texts and ids that belong to a row, or to a user.
TOKEN = re.compile(r"(?<![0-9A-Za-z])(?:7\d{12}|q[0-9a-f]{12}z)(?![0-9A-Za-z])")


def tokens_in(text: str) -> set[str]:
    """Return the tokens that stand in *text*."""
    return set(TOKEN.findall(text))


def may_watch(rows: Rows, user_id: int, project: dict[str, Any]) -> bool:
    """Whether a user owns a project, or takes part in it."""
    return project["owner"] == user_id or [project["id"], user_id] in rows["members"]


def visible(world: World, rows: Rows, user_id: int) -> dict[str, set[str]]:
    """Return what a user may see, by scope: ``vault <id>``, and ``list`` for all of his."""
    found: dict[str, set[str]] = {"list": set()}
    for project in rows["project"]:
        if not may_watch(rows, user_id, project):
            continue
        tokens = set(_tree(world, rows, user_id, project))
        found[f"vault {project['id']}"] = tokens
        found["list"] |= tokens
    return found


def shared(world: World, rows: Rows) -> dict[str, set[str]]:
    """Return what whoever may watch a project sees of it, by scope."""
    anybody = 0
    members = [*rows["members"], *([project["id"], anybody] for project in rows["project"])]
    return visible(world, {**rows, "members": members}, anybody)


def _tree(world: World, rows: Rows, user_id: int, project: dict[str, Any]) -> Iterable[str]:
    if not _is_for(world, "project", project, user_id):
        return
    yield from _tokens("project", project)
    for task in rows["task"]:
        if task["project"] != project["id"] or not _is_for(world, "task", task, user_id):
            continue
        yield from _tokens("task", task)
        for name in world.nested:
            for row in rows[name]:
                is_below = row["id"] in task["labels"] if name == "label" else None
                if is_below is None:
                    is_below = row["task"] == task["id"]
                if is_below and _is_for(world, name, row, user_id):
                    yield from _tokens(name, row)


def _is_for(world: World, name: str, row: dict[str, Any], user_id: int) -> bool:
    return name not in world.private or row[OWNER[name]] == user_id


def _tokens(name: str, row: dict[str, Any]) -> tuple[str, str]:
    return str(row["id"]), row[TEXT[name]]
