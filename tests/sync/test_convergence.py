"""Whatever the ORM does, the cache says what DRF would render, for every viewer.

The memory store, the real database, the real procedures; ``tests/integration`` runs the same on
MongoDB and PostgreSQL.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from channels_app.models import Note, Project
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.delta import apply, see, see_change, see_since
from rxgraph.delta.visibility import View, ViewChange
from rxgraph.sync.engine import Engine, get_engine, trees
from rxgraph.sync.heating import Warmth
from rxgraph.sync.triggers import presence
from rxgraph.types import AnchorKey, Document, InstanceKey
from tests.sync.board import Work, anchor, rendered, seed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def engine() -> Engine:
    """An engine whose memory store this process serves."""
    engine = get_engine()
    engine.is_serving = True
    return engine


def test_triggers_are_there_where_they_are_to_capture() -> None:
    is_wanted = settings.RXGRAPH.get("CAPTURE") == presence.TRIGGERS
    assert presence.has_triggers("default") is is_wanted


Held = dict[InstanceKey, dict[str, Any]]


class Viewer:
    """One user of one project: what a client holds that was told every change."""

    def __init__(self, engine: Engine, key: AnchorKey, user: User) -> None:
        self.engine, self.key, self.user = engine, key, user
        self.tree = trees()[key.channel]
        self.root = InstanceKey(self.tree.root.typename, key.anchor_id)
        self.state: dict[InstanceKey, Document] = {}
        self.held: Held = {}
        reading = self.read(0)
        self.state = apply({}, reading.documents)
        self.position = reading.anchor.done
        view = self.view()
        everything = tuple(self.state[key] for key in view.keys())  # noqa: SIM118
        _tell(self.held, view, ViewChange(everything, {}))
        self.resumed, self.resumed_at = dict(self.held), self.position

    def read(self, since: int) -> Reading:
        """Read what changed since a number."""
        reading = self.engine.run(read_documents(self.key, since=since))
        assert isinstance(reading, Reading)
        return reading

    def view(self) -> View:
        """Return the state as the user sees it."""
        return see(self.tree, self.root, self.state, str(self.user.pk))

    def follow(self) -> None:
        """Be told what happened since the last look."""
        before, reading = self.view(), self.read(self.position)
        self.state = apply(self.state, reading.documents)
        self.position = reading.anchor.done
        _tell(self.held, self.view(), see_change(before, self.view(), reading.documents))

    def resume(self) -> None:
        """Come back with the cursor of the last time this was called."""
        documents = self.read(0).documents
        tombstones = [document for document in documents.values() if not document.is_live]
        change = see_since(self.view(), tombstones, self.resumed_at, str(self.user.pk))
        _tell(self.resumed, self.view(), change)
        self.resumed_at = self.position

    def shows(self, held: Held, key: InstanceKey | None = None) -> object:
        """Return the nested state that a client builds from nothing but what it was told."""
        key = key or self.root
        if key not in held:
            assert key == self.root, f"a list names {key}, which the client was never told"
            return None
        data = dict(held[key])
        for relation in self.tree.layers[key.typename].relations:
            value = data[relation.name]
            if relation.many:
                children = [InstanceKey(relation.target, id_) for id_ in value]
                data[relation.name] = [self.shows(held, child) for child in children]
            elif value is not None:
                data[relation.name] = self.shows(held, InstanceKey(relation.target, value))
        return data


def _tell(held: Held, view: View, change: ViewChange) -> None:
    """Give a client whole instances, with the ids that the viewer may see at this moment."""
    for document in change.changed:
        data = dict(document.data)
        for relation in view.tree.layers[document.key.typename].relations:
            value = data[relation.name]
            if relation.many:
                data[relation.name] = [
                    id_ for id_ in value if view.document(InstanceKey(relation.target, id_))
                ]
            elif value is not None and not view.document(InstanceKey(relation.target, value)):
                data[relation.name] = None
        held[document.key] = data
    for key in change.removed:
        held.pop(key, None)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(6))
def test_random_work_ends_in_what_drf_renders_for_every_viewer(engine: Engine, number: int) -> None:
    rng = random.Random(number)
    random.seed(number)
    seed()
    projects, users = list(Project.objects.all()), list(User.objects.all())
    for project in projects:
        assert engine.heat(anchor(project)) is Warmth.HOT
    viewers = [Viewer(engine, anchor(p), user) for p in projects for user in users]
    work = Work(rng)
    history: list[object] = []
    for turn in range(6):
        history.append(work.transaction() if rng.random() < 0.4 else work.step())
        for viewer in viewers:
            viewer.follow()
            expected = rendered(viewer.key.anchor_id, viewer.user)
            assert viewer.shows(viewer.held) == expected, history[-3:]
            if turn % 5 == 4:
                viewer.resume()
                assert viewer.shows(viewer.resumed) == expected, history[-6:]
        foreign = {
            key
            for viewer in viewers
            for key, data in viewer.held.items()
            if key.typename == "Note" and str(data["owner"]) != str(viewer.user.pk)
        }
        assert not foreign, "a private note was shown to somebody else"


def test_a_note_given_away_while_both_were_away_moves_from_one_list_to_the_other(
    engine: Engine,
) -> None:
    seed()
    project, (ada, grace, _) = Project.objects.earliest("pk"), User.objects.order_by("pk")
    note = Note.objects.create(task=project.tasks.earliest("pk"), owner=ada, body="secret")
    engine.heat(anchor(project))
    viewers = [Viewer(engine, anchor(project), user) for user in (ada, grace)]
    Note.objects.filter(pk=note.pk).update(owner=grace)
    for viewer in viewers:
        viewer.follow()
        viewer.resume()
        assert viewer.shows(viewer.resumed) == rendered(project.pk, viewer.user)
    hers, his = (str(viewer.shows(viewer.resumed)) for viewer in viewers)
    assert "secret" not in hers
    assert "secret" in his
