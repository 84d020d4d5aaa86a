"""Writes of the application, as steps that any process can do; what comes back are all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.authtoken.models import Token

from channels_app.models import Label, Membership, Task
from rxgraph.channels import ContextChannel
from tests.isolation.oracle import Rows
from tests.isolation.worlds import MODELS, OWNER, TEXT


def run(steps: list[list[Any]]) -> Rows:
    """Do *steps* in one transaction, and return every row as it is then."""
    with transaction.atomic():
        for name, *arguments in steps:
            _STEPS[name](*arguments)
        return rows()


def people(names: list[list[str]]) -> dict[str, int]:
    """Make users of ``[username, token, greeting]``; return their ids."""
    found = {}
    for name, token, greeting in names:
        user = User.objects.create_user(name, first_name=greeting)
        Token.objects.create(user=user, key=token)
        found[name] = int(user.pk)
    return found


def rows() -> Rows:
    """Return all rows as plain dictionaries."""
    found: Rows = {}
    for name, model in MODELS.items():
        columns = {"id": "pk", TEXT[name]: TEXT[name]}
        if name in OWNER:
            columns[OWNER[name]] = f"{OWNER[name]}_id"
        if name == "task":
            columns["project"] = "project_id"
        if name in ("comment", "note"):
            columns["task"] = "task_id"
        wanted = dict(zip(columns, columns.values(), strict=True))
        found[name] = [
            dict(zip(wanted, values, strict=True))
            for values in model.objects.values_list(*wanted.values())
        ]
    for task in found["task"]:
        labels = Label.objects.filter(tasks=task["id"])
        task["labels"] = list(labels.values_list("pk", flat=True))
    found["members"] = [list(item) for item in Membership.objects.values_list("project", "user")]
    return found


def _create(name: str, pk: int, data: dict[str, Any]) -> None:
    if _has_parents(data):
        MODELS[name].objects.create(pk=pk, **data)


def _has_parents(data: dict[str, Any]) -> bool:
    """Whether what *data* names is still there: a step before it may have deleted that."""
    named = {name: data[f"{name}_id"] for name in ("project", "task") if f"{name}_id" in data}
    return all(MODELS[name].objects.filter(pk=pk).exists() for name, pk in named.items())


def _save(name: str, pk: int, data: dict[str, Any]) -> None:
    row = MODELS[name].objects.filter(pk=pk).first()
    if row is not None and _has_parents(data):
        old = getattr(row, "owner_id", None)
        for field, value in data.items():
            setattr(row, field, value)
        row.save()
        if name == "project" and old != row.owner_id:
            ContextChannel.revoke(old)


def _update(name: str, pks: list[int], data: dict[str, Any]) -> None:
    MODELS[name].objects.filter(pk__in=pks).update(**data)


def _delete(name: str, pk: int) -> None:
    MODELS[name].objects.filter(pk=pk).delete()


def _join(project: int, user: int) -> None:
    if MODELS["project"].objects.filter(pk=project).exists():
        Membership.objects.get_or_create(project_id=project, user_id=user)


def _leave(project: int, user: int) -> None:
    Membership.objects.filter(project_id=project, user_id=user).delete()
    ContextChannel.revoke(user)


def _tag(task: int, label: int) -> None:
    row = Task.objects.filter(pk=task).first()
    if row is not None and Label.objects.filter(pk=label).exists():
        row.labels.add(label)


def _untag(task: int, label: int) -> None:
    row = Task.objects.filter(pk=task).first()
    if row is not None:
        row.labels.remove(label)


def _notify(project: int, user: int, text: str) -> None:
    for channel in ContextChannel.get_registered_channels():
        if channel.field_name == "vault":
            channel.broadcast_notification(project, {"text": text}, user)


_STEPS: dict[str, Callable[..., None]] = {
    "create": _create,
    "save": _save,
    "update": _update,
    "delete": _delete,
    "join": _join,
    "leave": _leave,
    "tag": _tag,
    "untag": _untag,
    "notify": _notify,
}
