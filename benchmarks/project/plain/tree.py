"""A subscription to a nested state, as Strawberry's own documentation would have it.

The state is a tree of objects that is read once and kept; every field of it is resolved for every
client. Nothing happens after the first event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from channels.db import database_sync_to_async

from benchmarks.project.board import data


@strawberry.type(name="LiveComment")
class CommentNode:
    """A comment."""

    id: int
    task: int
    body: str
    kind: str
    lang: str
    score: int
    likes: int
    author: int
    created_at: str


@strawberry.type(name="LiveTask")
class TaskNode:
    """A task with its comments."""

    id: int
    project: int
    title: str
    description: str
    status: str
    label: str
    priority: int
    estimate: int
    assignee: int
    due_at: str
    comments: list[CommentNode]


@strawberry.type(name="LiveProject")
class ProjectNode:
    """A project with its tasks."""

    id: int
    name: str
    code: str
    status: str
    description: str
    budget: int
    priority: int
    owner: int
    created_at: str
    tasks: list[TaskNode]


_trees: dict[int, ProjectNode] = {}


@strawberry.type
class Subscription:
    """The one."""

    @strawberry.subscription
    async def project(self, project_id: int) -> AsyncIterator[ProjectNode]:
        """Yield the state, and wait for ever."""
        if project_id not in _trees:
            _trees[project_id] = _tree(await database_sync_to_async(data.render)(project_id))
        yield _trees[project_id]
        await asyncio.Event().wait()


def _tree(rendered: dict[str, Any]) -> ProjectNode:
    tasks = [
        TaskNode(**{**task, "comments": [CommentNode(**comment) for comment in task["comments"]]})
        for task in rendered["tasks"]
    ]
    return ProjectNode(**{**rendered, "tasks": tasks})
