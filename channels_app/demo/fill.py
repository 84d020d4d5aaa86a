"""Store the demo board: labels, then whole projects that are not there yet.

A project that exists is left as people have made it, so filling twice changes nothing. Each
project draws from its own seeded generator: the same board everywhere, whatever its size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice
from random import Random

from django.contrib.auth.models import User
from django.db import transaction

from channels_app.demo import content
from channels_app.models import (
    ChecklistItem,
    Comment,
    Label,
    Membership,
    Note,
    Project,
    Task,
)

SEED = 7
BATCH_ROWS = 1000
POSITION_STEP = 1024  # so that a task can be put between two without moving others


@transaction.atomic
def fill_board(
    people: Mapping[str, User], *, projects: int, tasks_per_project: int, now: datetime
) -> list[Project]:
    """Create what is missing of *projects* projects; return the created ones.

    *people* maps the usernames of ``content.PEOPLE`` to users. Dates lie around *now*.
    """
    labels = {
        name: Label.objects.get_or_create(name=name, defaults={"colour": colour})[0]
        for name, colour in content.LABELS.items()
    }
    taken = set(Project.objects.values_list("name", flat=True))
    missing = projects - Project.objects.count()  # a renamed project still counts
    texts = ((number, content.project(number)) for number in count())
    new = ((number, text) for number, text in texts if text.name not in taken)
    return [
        _ProjectFilling(
            text,
            people,
            labels,
            Random(f"{SEED}/{number}"),  # noqa: S311 - the same board everywhere, not a secret
            now,
        ).create(tasks_per_project)
        for number, text in islice(new, max(missing, 0))
    ]


@dataclass
class _ProjectFilling:
    text: content.ProjectText
    people: Mapping[str, User]
    labels: Mapping[str, Label]
    random: Random
    now: datetime

    def create(self, task_count: int) -> Project:
        text, now = self.text, self.now
        project = Project.objects.create(
            name=text.name,
            description=text.description,
            status=text.status,
            owner=self.people[text.members[0][0]],
            budget=text.budget,
            due=None if text.due_in_days is None else now.date() + timedelta(text.due_in_days),
            created_at=now - timedelta(days=60),
        )
        Membership.objects.bulk_create(
            Membership(project=project, user=self.people[username], role=role)
            for username, role in text.members
        )
        texts = [content.task(text, number, self.random) for number in range(task_count)]
        tasks = Task.objects.bulk_create(
            (self._task(project, place, task_count, text) for place, text in enumerate(texts)),
            batch_size=BATCH_ROWS,
        )
        self._hang_on(list(zip(tasks, texts, strict=True)))
        return project

    def _task(self, project: Project, place: int, task_count: int, text: content.TaskText) -> Task:
        random = self.random
        # Boards are worked from the top: the further down, the less is done.
        ahead = self.text.progress - (place + 0.5) / task_count + random.uniform(-0.1, 0.1)
        if ahead > 0:
            status = Task.Status.DONE
        elif ahead > -0.12 and self.text.status != Project.Status.PLANNED:
            status = Task.Status.REVIEW
        elif ahead > -0.3:
            status = Task.Status.IN_PROGRESS
        else:
            status = Task.Status.TODO
        workers = [username for username, role in self.text.members if role != "viewer"]
        nobody = status == Task.Status.TODO and random.random() < 0.5
        days = round(place * 60 / task_count) - 20 + random.randint(0, 10)
        return Task(
            project=project,
            title=text.title,
            description=text.description,
            status=status,
            priority=random.choices(Task.Priority.values, weights=(2, 5, 3, 1))[0],
            assignee=None if nobody else self.people[random.choice(workers)],
            position=(place + 1) * POSITION_STEP,
            due=self.now.date() + timedelta(days) if random.random() < 0.6 else None,
            estimate=timedelta(hours=random.choice((1, 2, 4, 6, 8, 16)))
            if random.random() < 0.7
            else None,
            created_at=self.now - timedelta(days=random.randint(15, 55), minutes=place),
        )

    def _hang_on(self, tasks: list[tuple[Task, content.TaskText]]) -> None:
        """Store what hangs on *tasks*: labels, checklists, comments and private notes."""
        task_label = Task.labels.through
        task_label._default_manager.bulk_create(
            (
                task_label(task=task, label=self.labels[name])
                for task, text in tasks
                for name in text.labels
            ),
            batch_size=BATCH_ROWS,
        )
        ChecklistItem.objects.bulk_create(
            (
                ChecklistItem(
                    task=task, text=step, position=place, done=self._is_ticked(task, place)
                )
                for task, text in tasks
                for place, step in enumerate(text.checklist, start=1)
            ),
            batch_size=BATCH_ROWS,
        )
        Comment.objects.bulk_create(
            (
                Comment(
                    task=task,
                    author=self.people[username],
                    body=body,
                    created_at=task.created_at + timedelta(days=place, minutes=37 * place),
                )
                for task, text in tasks
                for place, (username, body) in enumerate(text.comments, start=1)
            ),
            batch_size=BATCH_ROWS,
        )
        Note.objects.bulk_create(
            (
                Note(task=task, owner=self.people[text.note[0]], body=text.note[1])
                for task, text in tasks
                if text.note is not None
            ),
            batch_size=BATCH_ROWS,
        )

    def _is_ticked(self, task: Task, place: int) -> bool:
        if task.status == Task.Status.DONE:
            return True
        return task.status != Task.Status.TODO and self.random.random() < 1 / place
