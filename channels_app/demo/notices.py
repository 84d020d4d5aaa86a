"""What people are told of each other's work, in a notification to whoever it concerns.

Only where ``settings.BOARD_NOTICES`` says so, as the demo's settings do.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User

from channels_app.models import Comment, Task


def tell_of_assignment(task: Task, by: User) -> None:
    """Tell whoever was given *task*, unless they took it themselves."""
    if task.assignee is not None and task.assignee != by:
        _tell(task, task.assignee, f"{name_of(by)} gave you “{task.title}”")


def tell_of_comment(comment: Comment) -> None:
    """Tell whoever works on the task that was commented on."""
    task = comment.task
    if task.assignee is not None and task.assignee != comment.author:
        _tell(task, task.assignee, f"{name_of(comment.author)} commented on “{task.title}”")


def name_of(user: User) -> str:
    """Return how a person is called."""
    return user.first_name or user.username


def _tell(task: Task, user: User, text: str) -> None:
    if not getattr(settings, "BOARD_NOTICES", False):
        return
    from channels_app.channels import ProjectChannel  # which imports the serializers that call this

    ProjectChannel.broadcast_notification(task.project_id, {"text": text}, user_id=user.pk)
