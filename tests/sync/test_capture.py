"""Each way to write through the ORM → exactly the rows it touched, in how many commits."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import FieldDoesNotExist
from django.core.management import call_command
from django.db import connection, connections, models, transaction
from django.db.models import F, ProtectedError, Value
from django.db.models.signals import post_delete, post_save
from django.test.utils import CaptureQueriesContext

from rxgraph.changes import notify_changed
from rxgraph.sync import capture, intents, tracking
from rxgraph.sync.tracking import Tracking
from rxgraph.types import RowKey
from tests.sync.captured.models import (
    Badge,
    Board,
    Cafe,
    Card,
    CardProxy,
    Clip,
    Folder,
    Label,
    Membership,
    Owner,
    Paper,
    Place,
    Rated,
    Remark,
    Seal,
    Team,
    Untracked,
)
from tests.sync.captured.recording import BY_ORM, key, keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture
def board(commits) -> Board:
    board = Board.objects.create(name="Board")
    commits()
    return board


@pytest.fixture
def cards(board, commits) -> list[Card]:
    made = [Card.objects.create(board=board, title=title) for title in "abc"]
    commits()
    return made


@pytest.fixture
def labels(commits) -> list[Label]:
    made = [Label.objects.create(name=name) for name in ("red", "green", "blue")]
    commits()
    return made


@pytest.fixture
def owners(commits) -> list[Owner]:
    made = [Owner.objects.create(name=name, code=name[:2]) for name in ("Ada", "Grace")]
    commits()
    return made


# -- save


def test_create_save_and_update_fields_touch_their_row(board, commits):
    card = Card.objects.create(board=board, title="a")
    assert commits() == [keys(card)]
    card.save()
    assert commits() == [keys(card)]
    card.save(update_fields=["title"])
    assert commits() == [keys(card)]
    card.save(update_fields=[])
    assert commits() == []
    Card(pk=card.pk, board=board, title="as another instance").save()
    assert commits() == [keys(card)]


def test_get_or_create_and_update_or_create_touch_when_they_write(commits):
    label, _ = Label.objects.get_or_create(name="red")
    assert commits() == [keys(label)]
    Label.objects.get_or_create(name="red")
    assert commits() == []
    Label.objects.update_or_create(name="red", defaults={"name": "green"})
    assert commits() == [keys(label)]


def test_a_key_is_text_in_the_form_of_its_type(board, cards, commits):
    card = cards[0]
    number = uuid.uuid4()
    Remark.objects.create(id=number.hex, card_id=str(card.pk), text="r")
    (committed,) = commits.take()
    row = RowKey("captured.remark", str(number))
    assert committed.rows == {row}
    assert committed.columns == {row: {"card_id": str(card.pk)}}
    Card(pk=f"0{card.pk}", board=board, title="x").save(force_update=True)
    assert commits() == [keys(card)]


def test_a_save_hints_at_the_parents_it_wrote(board, cards, commits):
    card = cards[0]
    other = Board.objects.create(name="Other")
    commits()
    card.board = other
    card.save()
    (committed,) = commits.take()
    assert committed.columns == {key(card): {"board_id": str(other.pk)}}
    card.board = board
    card.save(update_fields=["title"])
    assert commits.take()[0].columns == {}, "the board was not written"
    Card.objects.only("title").get(pk=card.pk).save()
    assert commits.take()[0].columns == {}, "the board is not known"
    card.board_id = F("board_id")
    card.save()
    known = {} if django.VERSION < (6,) else {key(card): {"board_id": str(other.pk)}}
    assert commits.take()[0].columns == known, "the database knows, and Django 6 asks it"


def test_expressions_are_saved_and_captured(cards, commits):
    card = cards[0]
    card.votes = F("votes") + 1
    card.save()
    assert commits() == [keys(card)]
    card.refresh_from_db()
    assert card.votes == 1


def test_a_failed_save_touches_nothing(commits):
    Label.objects.create(name="red")
    commits()
    with pytest.raises(Exception, match=r"(?i)unique"):
        Label.objects.create(name="red")
    assert commits() == []
    assert intents.outstanding("default") == []


def test_fixtures_are_captured(board, commits, tmp_path: Path):
    fixture = tmp_path / "cards.json"
    fixture.write_text(
        json.dumps(
            [
                {
                    "model": "captured.card",
                    "pk": 7001,
                    "fields": {"board": board.pk, "title": "raw", "labels": []},
                }
            ]
        )
    )
    call_command("loaddata", str(fixture), verbosity=0)
    assert {RowKey("captured.card", "7001")} in commits()


async def test_async_methods_are_captured(commits):
    label = await Label.objects.acreate(name="red")
    await Label.objects.aupdate(name="green")
    await label.adelete()
    found = await sync_to_async(commits)()
    await sync_to_async(connections.close_all)()
    row = RowKey("captured.label", str(found[0].pop().pk))
    assert found[1:] == [{row}, {row}]


def test_a_receiver_of_post_save_finds_the_row_committed_as_without_us(board, commits):
    seen = []

    def look(**kwargs: object) -> None:
        seen.append((connection.in_atomic_block, [set(c.rows) for c in commits.commits]))

    post_save.connect(look, sender=Board)
    try:
        board.save()
    finally:
        post_save.disconnect(look, sender=Board)
    assert seen == [(False, [keys(board)])]


# -- update


def test_update_touches_what_it_changed(cards, commits):
    assert Card.objects.filter(title__in=["a", "b"]).update(title="a", votes=F("votes") + 1) == 2
    assert commits() == [keys(*cards[:2])]
    assert Card.objects.filter(title="nothing").update(title="x") == 0
    assert Card.objects.none().update(title="x") == 0
    assert commits() == []
    assert Card.objects.order_by("-title").filter(board__name="Board").update(votes=3) == 3
    assert commits() == [keys(*cards)]
    assert Card.objects.annotate(twice=F("votes") * 2).update(votes=F("twice")) == 3
    assert commits() == [keys(*cards)]
    assert set(Card.objects.values_list("votes", flat=True)) == {6}


@BY_ORM
def test_update_of_one_table_is_one_statement(cards, commits, django_assert_num_queries):
    with django_assert_num_queries(4) as asked:  # BEGIN, UPDATE, INSERT of the intent, COMMIT
        Card.objects.update(votes=1)
    assert [query["sql"].split()[0] for query in asked] == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]


def test_wrong_updates_raise_what_django_raises(cards, commits):
    with pytest.raises(TypeError, match="Cannot update a query once a slice"):
        Card.objects.all()[:1].update(title="x")
    with transaction.atomic():
        with pytest.raises(FieldDoesNotExist):
            Card.objects.update(nonsense=1)
        Card.objects.update(votes=2)  # the transaction is not broken by it
    assert commits() == [keys(*cards)]


def test_bulk_update_touches_what_it_changed(cards, commits):
    for card in cards:
        card.title += "!"
    assert Card.objects.bulk_update(cards[:2], ["title"], batch_size=1) == 2
    assert commits() == [keys(*cards[:2])]


def test_reverse_managers_are_captured(board, cards, commits):
    other: Any = Board.objects.create(name="Other")
    commits()
    other.cards.add(cards[0], cards[1])
    assert commits() == [keys(*cards[:2])]
    owner: Any = Owner.objects.create(name="Ada")
    commits()
    owner.card_set.set(cards[1:])
    assert commits() == [keys(*cards[1:])]
    owner.card_set.clear()
    assert commits() == [keys(*cards[1:])]


# -- bulk_create


def test_bulk_create_touches_what_it_made(board, commits):
    made = Card.objects.bulk_create([Card(board=board, title=title) for title in "ab"])
    assert commits() == [keys(*made)]
    assert Card.objects.bulk_create([]) == []
    made = Card.objects.bulk_create((Card(board=board, title=title) for title in "cd"), 1)
    assert commits() == [keys(*made)]


def test_bulk_create_ignoring_conflicts_touches_what_was_inserted(labels, commits):
    Label.objects.bulk_create(
        [Label(name="red"), Label(name="new"), Label(name="newer")], ignore_conflicts=True
    )
    assert commits() == [keys(*Label.objects.filter(name__startswith="new"))]
    Label.objects.bulk_create([Label(name="red")], ignore_conflicts=True)
    assert commits() == []


def test_bulk_create_updating_conflicts_touches_both_kinds(owners, commits):
    Owner.objects.bulk_create(
        [Owner(name="Ada Lovelace", code="Ad"), Owner(name="Alan", code="Al")],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name"],
    )
    assert commits() == [keys(owners[0], Owner.objects.get(code="Al"))]


@BY_ORM
def test_bulk_create_on_a_backend_that_tells_no_keys(board, owners, commits, monkeypatch):
    features = type(connection.features)
    monkeypatch.setattr(features, "can_return_rows_from_bulk_insert", False)
    monkeypatch.setattr(features, "can_return_columns_from_insert", False)
    Card.objects.bulk_create([Card(board=board, title="a")])
    assert commits() == [keys(board)], "its parent lists it"
    Owner.objects.bulk_create(
        [Owner(name="Ada Lovelace", code="Ad")],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name"],
    )
    assert commits() == [keys(owners[0])]


# -- delete


def test_delete_touches_all_that_cascades(board, cards, labels, commits):
    remark = Remark.objects.create(card=cards[0], text="r")
    cards[0].labels.add(labels[0])
    commits()
    expected = keys(board, *cards, remark, labels[0])
    board.delete()
    assert commits() == [expected]


def test_delete_of_a_queryset(cards, commits):
    expected = keys(*cards[:2])
    Card.objects.filter(title__in=["a", "b"]).delete()
    assert commits() == [expected]


def test_fast_deletes_are_captured_and_stay_fast(cards, commits, django_assert_num_queries):
    made = [Remark.objects.create(card=cards[0], text=text) for text in "abc"]
    commits()
    with django_assert_num_queries(4):  # BEGIN, DELETE, INSERT of the intent, COMMIT
        Remark.objects.filter(text__in=["a", "b"]).delete()
    assert commits() == [keys(*made[:2])]
    expected = keys(made[2])
    made[2].delete()
    assert commits() == [expected]
    Remark.objects.filter(text="nothing").delete()
    assert commits() == []


def test_raw_delete_is_captured(cards, commits):
    remark = Remark.objects.create(card=cards[0], text="a")
    commits()
    Remark.objects.all()._raw_delete("default")
    assert commits() == [keys(remark)]


def test_set_null_and_set_default_touch_what_they_change(cards, owners, commits):
    ada, grace = owners
    Card.objects.filter(pk=cards[0].pk).update(owner=ada)
    Card.objects.filter(pk=cards[1].pk).update(reviewer=ada)
    Card.objects.filter(pk=cards[2].pk).update(owner=grace)
    commits()
    expected = keys(ada, cards[0], cards[1])
    ada.delete()
    assert commits() == [expected]


def test_a_protected_delete_touches_nothing(board, cards, commits):
    Seal.objects.create(card=cards[0])
    commits()
    with pytest.raises(ProtectedError):
        board.delete()
    assert commits() == []
    assert intents.outstanding("default") == []


def test_a_delete_with_signals_touches_what_the_receivers_save(cards, labels, commits):
    def rename(**kwargs: object) -> None:
        labels[0].save()

    post_delete.connect(rename, sender=Card)
    expected = keys(cards[0], labels[0])
    try:
        cards[0].delete()
    finally:
        post_delete.disconnect(rename, sender=Card)
    assert commits() == [expected]


@pytest.mark.parametrize("rows", [[Paper, Clip], [Folder, Paper, Clip], [Clip]])
def test_deletes_by_the_database_are_captured(rows, commits):
    with tracking.use(Tracking.of_models(rows)):
        for delete in (Folder.delete, lambda folder: Folder.objects.filter(pk=folder.pk).delete()):
            folder = Folder.objects.create(name="f")
            paper = Paper.objects.create(folder=folder)
            paper.draft_of = paper
            paper.save()
            clip = Clip.objects.create(paper=paper)
            commits()
            expected = {key(row) for row in (folder, paper, clip) if type(row) in rows}
            delete(folder)
            assert commits() == [expected]
            clip.refresh_from_db()
            assert clip.paper is None


# -- many to many


def test_many_to_many_touches_both_sides(cards, labels, commits):
    card = cards[0]
    red, green, blue = labels
    card.labels.add(red, green)
    assert commits() == [keys(card, red, green)]
    card.labels.add(red)
    assert commits() == [], "it was there"
    card.labels.remove(red)
    assert commits() == [keys(card, red)]
    card.labels.set([red, blue])
    assert commits() == [keys(card, red, green, blue)]
    card.labels.clear()
    assert commits() == [keys(card, red, blue)]
    card.labels.clear()
    assert commits() == []
    made = card.labels.create(name="violet")
    assert set().union(*commits()) == keys(card, made)


def test_many_to_many_from_the_other_side(cards, labels, commits):
    red = labels[0]
    red.cards.add(*cards[:2])
    assert commits() == [keys(red, *cards[:2])]
    red.cards.remove(cards[0])
    assert commits() == [keys(red, cards[0])]
    red.cards.set(cards[1:])
    assert commits() == [keys(red, cards[2])]
    red.cards.set([cards[0]], clear=True)
    assert commits() == [keys(red, *cards)]
    red.cards.clear()
    assert commits() == [keys(red, cards[0])]


def test_symmetrical_many_to_many(cards, commits):
    cards[0].related.add(cards[1])
    assert commits() == [keys(*cards[:2])]
    cards[1].related.remove(cards[0])
    assert commits() == [keys(*cards[:2])]


def test_deleting_one_side_touches_the_other(cards, labels, commits):
    cards[0].labels.add(labels[0])
    commits()
    expected = keys(cards[0], labels[0])
    labels[0].delete()
    assert commits() == [expected]


def test_receivers_of_m2m_changed_do_not_change_what_is_captured(cards, labels, commits):
    def receive(**kwargs: object) -> None: ...

    through = Card.labels.through
    models.signals.m2m_changed.connect(receive, sender=through)
    try:
        cards[0].labels.add(labels[0])
        assert commits() == [keys(cards[0], labels[0])]
        cards[0].labels.clear()
        assert commits() == [keys(cards[0], labels[0])]
    finally:
        models.signals.m2m_changed.disconnect(receive, sender=through)


def test_a_custom_through_model(owners, commits):
    ada, grace = owners
    red, blue = Team.objects.create(name="red"), Team.objects.create(name="blue")
    commits()
    membership = Membership.objects.create(team=red, owner=ada)
    assert commits() == [keys(red, ada)]
    membership.role = "lead"
    membership.save(update_fields=["role"])
    assert commits() == [keys(red, ada)]
    membership.team = blue
    membership.save()
    assert commits() == [keys(red, blue, ada)], "the team it left, too"
    Membership.objects.update(team=red)
    assert commits() == [keys(red, blue, ada)]
    Membership.objects.update(role="member")
    assert commits() == [keys(red, ada)]
    Membership.objects.bulk_create([Membership(team=red, owner=grace)])
    assert commits() == [keys(red, grace)]
    membership.refresh_from_db()
    Membership.objects.filter(pk=membership.pk).update(team=blue)
    commits()
    membership.delete()
    assert commits() == [keys(blue, ada)], "where the database had it, not the instance"
    red.members.clear()
    assert commits() == [keys(red, grace)]
    red.members.add(ada, through_defaults={"role": "guest"})
    assert commits() == [keys(red, ada)]
    Membership.objects.filter(role="guest").delete()
    assert commits() == [keys(red, ada)]


def test_a_through_row_that_points_at_another_column(owners, commits):
    team = Team.objects.create(name="red")
    commits()
    badge = Badge.objects.create(team=team, owner=owners[0])
    assert commits() == [keys(team, owners[0])]
    badge.delete()
    assert commits() == [keys(team, owners[0])]


def test_a_through_model_that_is_a_layer_is_touched_itself(owners, commits):
    team = Team.objects.create(name="red")
    both = Tracking.of_models(
        [Membership], ends=[(Membership, "team_id"), (Membership, "owner_id")]
    )
    with tracking.use(both):
        commits()
        membership = Membership.objects.create(team=team, owner=owners[0])
        assert commits() == [keys(membership, team, owners[0])]


# -- inheritance and proxies


def test_a_proxy_counts_as_its_concrete_model(board, cards, commits):
    proxy = CardProxy.objects.get(pk=cards[0].pk)
    proxy.save()
    assert commits() == [keys(cards[0])]
    CardProxy.objects.filter(pk=cards[0].pk).update(title="x")
    assert commits() == [keys(cards[0])]
    made = CardProxy.objects.bulk_create([CardProxy(board=board, title="p")])
    assert commits() == [keys(*made)]
    expected = keys(cards[0])
    proxy.delete()
    assert commits() == [expected]


def test_a_child_touches_its_tracked_parents(commits):
    with tracking.use(Tracking.of_models([Cafe, Place, Rated])):
        cafe = Cafe.objects.create(name="Café", stars=5, beans="arabica")
        family = {
            RowKey("captured.cafe", str(cafe.pk)),
            RowKey("captured.place", str(cafe.pk)),
            RowKey("captured.rated", str(cafe.rated_id)),
        }
        assert commits() == [family]
        Rated.objects.create(stars=1)  # so that the keys differ
        commits()
        Cafe.objects.filter(stars=5).update(beans="robusta", name="Bar")
        assert commits() == [family]
        cafe.delete()
        assert commits() == [family]


def test_a_parent_touches_its_tracked_children(commits):
    Rated.objects.create(stars=0)
    with tracking.use(Tracking.of_models([Cafe])):
        cafe = Cafe.objects.create(name="Café", stars=5, beans="arabica")
        row = RowKey("captured.cafe", str(cafe.pk))
        assert commits() == [{row}]
        Place.objects.filter(pk=cafe.pk).update(name="Bar")
        assert commits() == [{row}]
        Place.objects.get(pk=cafe.pk).save()
        assert commits() == [{row}]
        Rated.objects.filter(stars=5).update(stars=4)
        assert commits() == [{row}]
        Rated.objects.get(pk=cafe.rated_id).save()
        assert commits() == [{row}]
        Rated.objects.get(pk=cafe.rated_id).delete()
        assert commits() == [{row}]


# -- the escape hatch


def test_notify_changed_touches_what_it_is_given(cards, labels, commits):
    notify_changed(Card.objects.filter(title__in=["a", "b"]))
    assert commits() == [keys(*cards[:2])]
    notify_changed([cards[0], labels[0]])
    assert set().union(*commits()) == keys(cards[0], labels[0])
    notify_changed(cards[2])
    assert commits() == [keys(cards[2])]
    notify_changed(Card.objects.all()[:1], using="other")
    notify_changed(Untracked.objects.all())
    notify_changed(Untracked(text="x"))
    assert commits() == []


# -- models that nobody tracks


def test_an_untracked_model_pays_no_query(labels, commits):
    def write() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            row = Untracked.objects.create(text="a")
            row.save()
            Untracked.objects.update(text=Value("b"))
            Untracked.objects.bulk_update([row], ["text"])
            row.labels.set(labels)
            row.labels.clear()
            Untracked.objects.filter(text="c").delete()
            row.delete()
        return [query["sql"].split(" WHERE ")[0] for query in asked]

    capture.uninstall()
    try:
        without = write()
    finally:
        capture.install()
    assert [sql.split()[:3] for sql in write()] == [sql.split()[:3] for sql in without]
    assert commits() == []
    assert intents.outstanding("default") == []


def test_install_and_uninstall_leave_djangos_methods_as_they_were():
    owner: Any = models.QuerySet
    wrapped = owner.update
    capture.install()
    assert owner.update is wrapped
    capture.uninstall()
    try:
        assert owner.update is wrapped.__wrapped__
    finally:
        capture.install()
    assert owner.update.alters_data
    assert owner._raw_delete.alters_data
    assert owner.bulk_create.alters_data
