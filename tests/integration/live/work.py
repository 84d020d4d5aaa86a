"""What processes tell live contexts; everything speaks JSON."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, transaction
from rest_framework.authtoken.models import Token

from channels_app.models import Membership, Task
from rxgraph.channels import ContextChannel
from rxgraph.sync import intents
from tests.integration.live.channels import LiveProjectChannel, LiveShelfChannel


def run(name: str, data: dict[str, Any]) -> Any:
    """Call one of the functions below by its name."""
    return globals()[name](**data)


def waiting() -> int:
    """Return how many intents no server has looked at yet."""
    return len(intents.outstanding("default"))


def say(project: int, text: str, **more: Any) -> None:
    """Send an event to a group with Channels' own layer."""
    event = {"type": "project.said", "text": text, **more}
    async_to_sync(get_channel_layer().group_send)(f"project.{project}", event)


def notify(project: int, data: Any, user: int | None = None, *, commit: bool = True) -> None:
    """Broadcast a notification from inside a transaction."""
    with transaction.atomic():
        LiveProjectChannel.broadcast_notification(project, data, user_id=user)
        transaction.set_rollback(not commit)


def retell(
    project: int, model: str, pk: int, operation: str = "update", *, commit: bool = True
) -> None:
    """Broadcast an instance from inside a transaction."""
    instance = apps.get_model("channels_app", model)(pk=pk)
    with transaction.atomic():
        LiveProjectChannel.broadcast_instance(project, instance, operation)
        transaction.set_rollback(not commit)


def raw(sql: str, params: list[Any]) -> None:
    """Write past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def dismiss(project: int, user: int, secret: str) -> None:
    """End somebody's membership and write what he may not see, all in one transaction."""
    with transaction.atomic():
        Membership.objects.filter(project=project, user=user).delete()
        LiveProjectChannel.revoke(user, project)
        Task.objects.create(project_id=project, title=secret)
    for number in range(20):
        Task.objects.create(project_id=project, title=f"{secret} {number}")


def sign_out(user: int) -> None:
    """Delete the token of somebody."""
    with transaction.atomic():
        Token.objects.filter(user=user).delete()
        ContextChannel.revoke(user)


def deactivate(user: int) -> None:
    """Deactivate somebody."""
    with transaction.atomic():
        User.objects.filter(pk=user).update(is_active=False)
        ContextChannel.revoke(User.objects.get(pk=user))


def revoke(user: int, project: int | None = None, *, commit: bool = True) -> None:
    """Ask again, though nothing may have changed."""
    with transaction.atomic():
        LiveProjectChannel.revoke(user, project)
        transaction.set_rollback(not commit)


def tell_shelf(project: int, pk: int, data: Any) -> None:
    """Tell whoever lists a project something, and one of its tasks again."""
    with transaction.atomic():
        LiveShelfChannel.broadcast_notification(project, data)
        LiveShelfChannel.broadcast_instance(project, Task.objects.get(pk=pk))


def lock_out(user: int, project: int) -> None:
    """Let somebody see no shelf any more."""
    with transaction.atomic():
        User.objects.filter(pk=user).update(last_name="locked out")
        LiveShelfChannel.revoke(user, project)
    for number in range(10):
        Task.objects.create(project_id=project, title=f"top secret {number}")
