"""``serialize_instance`` gives what the cache's documents hold; channels come as a set."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User

from channels_app.channels import ProjectChannel
from channels_app.models import Comment, Label, Note, Project, Task
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.sync.engine import get_engine, trees
from rxgraph.types import InstanceKey
from tests.sync.board import anchor, seed
from tests.torture.serializers import GenreSerializer

pytestmark = pytest.mark.django_db(transaction=True)


def serialized(instance: Any, **options: Any) -> dict[str, Any]:
    channel = ProjectChannel(user=None)
    data: dict[str, Any] = async_to_sync(channel.serialize_instance)(instance, **options)
    return data


def test_every_instance_is_serialised_as_its_document_holds_it() -> None:
    seed()
    engine = get_engine()
    engine.is_serving = True
    project = Project.objects.order_by("pk")[0]
    reading = engine.heat_and_read(anchor(project))
    assert isinstance(reading, Reading)
    models = {layer.typename: layer.model for layer in trees()[ProjectChannel.name].layers.values()}
    assert {key.typename for key in reading.documents} >= {"Project", "Task", "Comment", "Note"}
    for key, document in reading.documents.items():
        instance = models[key.typename]._default_manager.get(pk=key.id)
        assert serialized(instance, typename=key.typename) == document.data


def test_what_was_changed_on_the_instance_is_in_it_and_nothing_is_left_on_the_instance() -> None:
    seed()
    task = Task.objects.order_by("pk")[0]
    task.title = "not saved yet"
    before = dict(vars(task))
    data = serialized(task)
    assert data["title"] == "not saved yet"
    assert data["id"] == str(task.pk)
    assert data["comments"] == [str(pk) for pk in task.comments.values_list("pk", flat=True)]
    assert vars(task) == before


async def test_it_is_awaited_inside_a_server(transactional_db: None) -> None:
    label = await Label.objects.acreate(name="bug")
    data = await ProjectChannel().serialize_instance(label)
    assert (data["id"], data["name"]) == (str(label.pk), "bug")


def test_an_instance_that_the_state_does_not_have_is_an_error_that_says_what_it_has() -> None:
    seed()
    with pytest.raises(ValueError, match=r"Group is not part of .*, which has .*Task"):
        serialized(Group.objects.create(name="crew"))
    with pytest.raises(ValueError, match="is no model instance"):
        serialized(Task)
    with pytest.raises(ValueError, match="is not saved and has no id yet"):
        serialized(Task(title="new"))
    with pytest.raises(ValueError, match="as Note, not as Memo"):
        serialized(Note.objects.first(), typename="Memo")


def test_a_row_that_cannot_be_rendered_is_an_error() -> None:
    seed()
    comment: Any = Comment.objects.order_by("pk")[0]
    comment.created_at = object()
    with pytest.raises(ValueError, match=f"Comment {comment.pk} cannot be rendered"):
        serialized(comment)


def test_a_user_is_serialised_without_what_the_layer_does_not_show() -> None:
    seed()
    data = serialized(User.objects.order_by("pk")[0])
    assert "password" not in data
    assert InstanceKey("User", data["id"]) in _keys()


def _keys() -> set[InstanceKey]:
    engine = get_engine()
    engine.is_serving = True
    found: set[InstanceKey] = set()
    for project in Project.objects.all():
        engine.heat(anchor(project))
        reading = engine.run(read_documents(anchor(project)))
        assert isinstance(reading, Reading)
        found |= set(reading.documents)
    return found


def test_the_registered_channels_are_a_set_in_the_order_of_their_names() -> None:
    with registry.isolated():

        class ZebraChannel(ContextChannel):
            class Meta:
                state = GenreSerializer()

        class AntChannel(ContextChannel):
            class Meta:
                state = GenreSerializer()

        class BaseChannel(ContextChannel):
            class Meta:
                abstract = True

        found = ContextChannel.get_registered_channels()
        assert found == {ZebraChannel, AntChannel}
        assert {AntChannel, ZebraChannel} == found
        assert list(found) == [AntChannel, ZebraChannel]
        assert AntChannel in found
        assert BaseChannel not in found
        assert found - {AntChannel} == {ZebraChannel}
        assert len(found) == 2
