"""What can be told from anywhere is checked where it is said, and goes after the commit."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from channels_app.channels import ProjectChannel
from channels_app.models import Label, Membership, Project, Task
from rxgraph.cache.steps import LoadAnchor, ReadSince, Wakeup
from rxgraph.channels import ContextChannel
from rxgraph.declare import outlet
from rxgraph.errors import BackendError
from rxgraph.sync import intents
from rxgraph.sync.broadcasting import NOTIFY, REVOKE, SYSTEM
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.signals import Signal
from rxgraph.types import EVERYBODY, AnchorKey, Document
from tests.sync import board
from tests.sync.test_signals import Heard

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Heard:
    """What a process that serves is sent."""
    get_engine().is_serving = True
    return Heard(get_engine())


@pytest.fixture
def project() -> Project:
    ann = User.objects.create_user("ann")
    made = Project.objects.create(name="Garden", owner=ann)
    Membership.objects.create(project=made, user=ann)
    Task.objects.create(project=made, title="Dig")
    return made


# -- notifications


def test_a_notification_goes_to_the_anchor(heard: Heard, project: Project):
    ProjectChannel.broadcast_notification(project.pk, {"text": "hi"})
    ProjectChannel.broadcast_notification(str(project.pk), [1], user_id=project.owner)
    ProjectChannel.broadcast_notification(project, None, user_id=str(project.owner_id))
    key, user = AnchorKey(ProjectChannel.name, str(project.pk)), str(project.owner_id)
    assert heard == [
        Signal(key, NOTIFY, {"anchor": key.anchor_id, "user": None, "data": {"text": "hi"}}),
        Signal(key, NOTIFY, {"anchor": key.anchor_id, "user": user, "data": [1]}),
        Signal(key, NOTIFY, {"anchor": key.anchor_id, "user": user, "data": None}),
    ]


@pytest.mark.parametrize("anchor", ["x", None, True, 1.5, "", Label(pk=1)])
def test_what_is_no_id_is_an_error(heard: Heard, anchor: Any):
    with pytest.raises(ValueError, match=r"ProjectChannel: .* is not the id of a Project"):
        ProjectChannel.broadcast_notification(anchor, "hi")
    if anchor is not None:  # which means all of them
        with pytest.raises(ValueError, match="is not the id of a Project"):
            ProjectChannel.revoke(1, anchor)
    assert heard == []


def test_what_claims_to_be_a_system_message_is_refused(heard: Heard):
    with pytest.raises(ValueError, match="name another source"):
        ProjectChannel.broadcast_notification(1, {"source": "rxgraph", "message": "buy this"})
    assert heard == []


def test_an_abstract_class_shows_nothing(heard: Heard):
    with pytest.raises(ValueError, match="ContextChannel is abstract and shows nothing"):
        ContextChannel.broadcast_notification(1, "hi")
    with pytest.raises(ValueError, match="is abstract"):
        ContextChannel.broadcast_instance(1, Label(pk=1))


# -- instances


@pytest.mark.parametrize("operation", ["save", "", None, "UPDATE"])
def test_an_unknown_operation_is_an_error(project: Project, operation: Any):
    with pytest.raises(ValueError, match="write one of create, update, delete"):
        ProjectChannel.broadcast_instance(project.pk, project, operation)


def test_what_the_channel_does_not_show_is_an_error(project: Project):
    for instance in (connections, "task", None):
        with pytest.raises(TypeError, match="is not shown by this channel; pass an instance of"):
            ProjectChannel.broadcast_instance(project.pk, instance)
    with pytest.raises(ValueError, match=r"has no primary key; save it first"):
        ProjectChannel.broadcast_instance(project.pk, Task(title="new"))


def versions(project: Project) -> dict[str, int]:
    """Return instance → number of the batch that wrote it last."""
    engine = get_engine()
    key = board.anchor(project)
    anchor = engine.store.perform(LoadAnchor(key))
    documents: list[Document] = engine.store.perform(ReadSince(key, anchor.generation, 0))
    return {f"{item.key.typename} {item.key.id}": item.version for item in documents}


def test_an_instance_is_written_again_and_nothing_else_is(heard: Heard, project: Project):
    engine, key = get_engine(), board.anchor(project)
    engine.heat(key)
    before = versions(project)
    task = project.tasks.get()
    ProjectChannel.broadcast_instance(project, task)
    after = versions(project)
    assert after[f"Task {task.pk}"] > before[f"Task {task.pk}"]
    assert {k: v for k, v in after.items() if k != f"Task {task.pk}"} == {
        k: v for k, v in before.items() if k != f"Task {task.pk}"
    }
    assert engine.store.perform(LoadAnchor(key)).pending == frozenset()


def test_what_is_not_part_of_the_anchor_leaves_no_trace(heard: Heard, project: Project):
    other = Task.objects.create(
        project=Project.objects.create(name="House", owner=project.owner), title="Paint"
    )
    get_engine().heat(board.anchor(project))
    before = versions(project)
    ProjectChannel.broadcast_instance(project, other, "create")
    ProjectChannel.broadcast_instance(project, Label(pk=999), "delete")
    assert versions(project) == before


def test_an_anchor_that_nobody_has_cached_stays_cold(heard: Heard, project: Project):
    ProjectChannel.broadcast_instance(project, project.tasks.get())
    assert get_engine().store.list_anchors() == []


def test_delete_is_said_of_what_exists_and_that_is_logged(
    heard: Heard, project: Project, caplog: pytest.LogCaptureFixture
):
    get_engine().heat(board.anchor(project))
    task = project.tasks.get()
    ProjectChannel.broadcast_instance(project, task, "delete")
    assert f"said delete, but channels_app.task {task.pk} exists, so it stays" in caplog.text
    assert f"Task {task.pk}" in versions(project)


def test_a_rollback_takes_it_back_and_a_shell_leaves_it_to_the_sweeper(project: Project):
    engine, key = get_engine(), board.anchor(project)
    engine.sweep(at_once=True)
    engine.is_serving = True
    engine.heat(key)
    before = versions(project)
    with transaction.atomic():
        ProjectChannel.broadcast_instance(project, project)
        transaction.set_rollback(True)
    engine.is_serving = False
    ProjectChannel.broadcast_instance(project, project)
    assert len(intents.outstanding("default")) == 1
    assert versions(project) == before
    engine.is_serving = True
    assert engine.sweep(at_once=True) == 1
    assert versions(project)[f"Project {project.pk}"] > before[f"Project {project.pk}"]


def test_a_store_that_does_not_answer_is_logged_and_raises_nothing(
    heard: Heard,
    project: Project,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    def refuse(*args: Any) -> Any:
        raise BackendError("no store")

    monkeypatch.setattr(Engine, "run", refuse)
    with caplog.at_level(logging.ERROR, logger="rxgraph.sync"), transaction.atomic():
        ProjectChannel.broadcast_instance(project, project)
    assert "a broadcast of channels_app.project" in caplog.text
    assert "is lost: no store" in caplog.text


async def test_it_may_be_said_on_an_event_loop(heard: Heard):
    ann = await User.objects.acreate(username="ann")
    project = await Project.objects.acreate(name="Garden", owner=ann)
    key = board.anchor(project)
    await sync_to_async(get_engine().heat)(key)
    received: list[Any] = []
    get_engine().listeners.append(received.append)
    ProjectChannel.broadcast_instance(project, project)
    ProjectChannel.broadcast_notification(project, "hi")
    for _ in range(300):
        if len(received) == 2:
            break
        await asyncio.sleep(0.01)
    kinds = {type(item) for item in received}
    assert kinds == {Wakeup, Signal}
    await sync_to_async(connections.close_all)()  # of the thread that async tests share


# -- access


def test_revoke_names_the_channels_below_a_class(heard: Heard, project: Project):
    user = str(project.owner_id)
    ProjectChannel.revoke(project.owner)
    ProjectChannel.revoke(user, project)
    ContextChannel.revoke(project.owner_id)
    assert [signal.key for signal in heard] == [EVERYBODY] * 3
    assert [signal.kind for signal in heard] == [REVOKE] * 3
    assert heard[0].body == {"user": user, "anchors": {ProjectChannel.name: None}}
    assert heard[1].body == {"user": user, "anchors": {ProjectChannel.name: str(project.pk)}}
    assert heard[2].body["anchors"][ProjectChannel.name] is None
    names = {channel.name for channel in ContextChannel.get_registered_channels()}
    assert set(heard[2].body["anchors"]) == names


# -- system messages


def test_a_system_message_is_for_everybody(heard: Heard):
    out = io.StringIO()
    call_command("rxgraph_broadcast", "Back soon", kind="maintenance", stdout=out)
    assert heard == [Signal(EVERYBODY, SYSTEM, {"kind": "maintenance", "message": "Back soon"})]
    assert out.getvalue() == "Sent to every live context: Back soon\n"


def test_a_message_that_is_too_much_or_of_no_kind_is_a_command_error(heard: Heard):
    with pytest.raises(CommandError, match="can be sent"):
        call_command("rxgraph_broadcast", "x" * 300_000)
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("rxgraph_broadcast", "hi", "--kind", "advertisement")


def test_a_message_that_could_not_be_sent_is_a_command_error(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(type(get_engine().bus), "close", lambda self: False)
    with pytest.raises(CommandError, match="the channel layer does not answer"):
        call_command("rxgraph_broadcast", "hi")
    monkeypatch.undo()


def test_before_django_has_started_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outlet, "_outlet", None)
    with pytest.raises(RuntimeError, match=r"django\.setup\(\)"):
        ProjectChannel.revoke(1)
