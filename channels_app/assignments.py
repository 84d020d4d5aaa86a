"""Tell people when a task becomes theirs, whoever gave it to them and however."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from channels_app.models import Task


@receiver(pre_save, sender=Task, dispatch_uid="channels_app.assignments.remember")
def remember_assignee(sender: type[Task], instance: Task, **kwargs: Any) -> None:
    """Note whose task it was."""
    before = Task.objects.filter(pk=instance.pk).values_list("assignee", flat=True)
    vars(instance)["former_assignee_id"] = before.first() if instance.pk else None


@receiver(post_save, sender=Task, dispatch_uid="channels_app.assignments.tell")
def tell_assignee(sender: type[Task], instance: Task, **kwargs: Any) -> None:
    """Send a notification to whose task it is now; after the commit, and to them alone."""
    from channels_app.channels import ProjectChannel

    former = vars(instance).pop("former_assignee_id", None)
    if instance.assignee_id is None or instance.assignee_id == former:
        return
    data = {"kind": "assigned", "task": str(instance.pk), "title": instance.title}
    ProjectChannel.broadcast_notification(instance.project_id, data, instance.assignee_id)
