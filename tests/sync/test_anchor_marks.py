"""``Meta.optimize_anchors``: the column, who writes it, and who is asked because of it."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django import forms
from django.apps import apps
from django.contrib.admin import ModelAdmin, site
from django.core import serializers as fixtures
from django.core.management import call_command
from django.db import connection, connections, models, transaction
from django.db.migrations.loader import MigrationLoader
from rest_framework import serializers

from rxgraph.cache.phases import Phase
from rxgraph.cache.reading import Reading, read_documents
from rxgraph.cache.rows.anchor_marks import marked_ids
from rxgraph.cache.steps import FindHolders, LoadAnchor, MarkAnchors, OpenSnapshot, SwapAnchor
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.naming import anchor_mark
from rxgraph.compile.state_tree import StateTree
from rxgraph.declare import registry
from rxgraph.errors import DeclarationError
from rxgraph.fields import AnchorMark
from rxgraph.models import Intent
from rxgraph.sync import expiry, tracking
from rxgraph.sync.anchor_marks import live_roots, mark_anchors, unmark_anchors
from rxgraph.sync.engine import Engine, get_engine, trees
from rxgraph.sync.engine import reset as reset_engine
from rxgraph.sync.heating import Warmth
from rxgraph.types import FOREST, AnchorKey, InstanceKey
from tests.conftest import forget_database
from tests.sync.marked import declared
from tests.sync.marked.declared import (
    CafeChannel,
    CrateChannel,
    PlaceChannel,
    PlainShopChannel,
    ShopChannel,
    ShopListChannel,
    ShopNameChannel,
    TicketChannel,
)
from tests.sync.marked.models import Cafe, Crate, Item, OpenShop, Place, Shop, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

MARK = "_rx_tests_sync_marked_declared_shopchannel"
LIST_MARK = "_rx_tests_sync_marked_declared_shoplistchannel"
NAME_MARK = "_rx_tests_sync_marked_declared_shopnamechannel"


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    with registry.isolated():
        for channel in declared.CHANNELS:
            registry.register(channel)
        tracking.refresh()
        yield
    tracking.refresh()


@pytest.fixture
def engine(settings: Any) -> Iterator[Engine]:
    """An engine that serves, on MongoDB where there is one."""
    conf = {**settings.RXGRAPH, "CACHE_TTL": 0}
    if url := os.environ.get("MONGO_URL"):
        conf["STORE"] = f"{url.rpartition('/')[0]}/rxgraph_marks_{os.getpid()}_{uuid4().hex[:6]}"
    settings.RXGRAPH = conf
    found = get_engine()
    found.is_serving = True
    yield found
    reset_engine()
    if url:
        forget_database(conf["STORE"])


def tree_of(channel: type[ContextChannel]) -> StateTree:
    return compile_channel(channel).tree


def key_of(instance: models.Model, channel: type[ContextChannel] = ShopChannel) -> AnchorKey:
    return AnchorKey(channel.name, str(instance.pk))


def mark_of(instance: models.Model, name: str = MARK) -> Any:
    return type(instance)._default_manager.values_list(name, flat=True).get(pk=instance.pk)


def heat(engine: Engine, instance: models.Model, channel: Any = ShopChannel) -> AnchorKey:
    key = key_of(instance, channel)
    assert engine.heat(key) is Warmth.HOT
    return key


def cached(engine: Engine, key: AnchorKey) -> dict[InstanceKey, Any]:
    reading = engine.run(read_documents(key))
    assert isinstance(reading, Reading)
    return {k: document.data for k, document in reading.documents.items() if document.is_live}


@pytest.fixture
def asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every step the store is asked for."""
    seen: list[Any] = []
    perform = engine.perform._handlers[FindHolders]

    def noting(step: Any) -> Any:
        seen.append(step)
        return perform(step)

    for kind in list(engine.perform._handlers):
        if engine.perform._handlers[kind] == perform:
            monkeypatch.setitem(engine.perform._handlers, kind, noting)
    return seen


def about(asked: list[Any], channel: type[ContextChannel] = ShopChannel) -> int:
    """Return how many steps were about a channel, and forget them."""
    count: int = sum(
        channel.name in step.wanted
        if isinstance(step, FindHolders)
        else step.key.channel == channel.name
        for step in asked
    )
    asked.clear()
    return count


# -- the column


def test_the_column_is_named_after_module_and_channel_and_is_a_nullable_indexed_boolean() -> None:
    field: Any = Shop._meta.get_field(MARK)
    assert issubclass(type(field), models.BooleanField)
    assert (field.null, field.default, field.db_index, field.editable) == (True, False, True, False)
    assert tree_of(ShopChannel).anchor_mark == MARK
    assert tree_of(PlainShopChannel).anchor_mark is None
    assert tree_of(PlainShopChannel).fingerprint != tree_of(ShopChannel).fingerprint


def test_two_channels_on_one_model_have_two_columns_and_a_proxy_uses_its_table() -> None:
    names = {field.name for field in Shop._meta.local_fields if isinstance(field, AnchorMark)}
    assert names == {MARK, NAME_MARK, LIST_MARK}
    assert OpenShop._meta.get_field(NAME_MARK).model is Shop


def test_in_multi_table_inheritance_the_column_is_in_the_models_own_table() -> None:
    place, cafe = tree_of(PlaceChannel).anchor_mark, tree_of(CafeChannel).anchor_mark
    assert Place._meta.get_field(str(place)).model is Place
    assert Cafe._meta.get_field(str(cafe)).model is Cafe
    assert str(place) in {field.name for field in Cafe._meta.fields}  # inherited, as columns are
    assert str(cafe) not in {field.name for field in Place._meta.fields}


def test_names_are_what_django_and_the_databases_take() -> None:
    assert anchor_mark("board.channels", "ProjectChannel") == "_rx_board_channels_projectchannel"
    assert anchor_mark("a._b.__main__", "C_") == "_rx_a_b_main_c"
    long = anchor_mark("some.package.with.quite.a.long.name.in.its.channels", "ProjectChannel")
    other = anchor_mark("some.package.with.quite.a.long.name.in.its.channels", "ProjectChanneL2")
    assert len(long) == len(other) == 63
    assert long != other


def test_no_form_serializer_admin_or_fixture_shows_it() -> None:
    class AllSerializer(serializers.ModelSerializer[Shop]):
        class Meta:
            model = Shop
            fields = "__all__"

    class AllForm(forms.ModelForm):  # type: ignore[type-arg]
        class Meta:
            model = Shop
            fields = "__all__"  # noqa: DJ007 - what is tested

    assert set(AllSerializer().fields) == {"id", "name", "changed_at"}
    assert set(AllForm().fields) == {"name"}
    assert ModelAdmin(Shop, site).get_fields(request=None) == ["name"]  # type: ignore[arg-type]
    assert "_rx" not in fixtures.serialize("json", [Shop(pk=1, name="a")])
    assert set(tree_of(ShopChannel).root.serializer.fields) == {
        *("id", "name", "changed_at", "items"),
    }


def test_the_migration_that_makemigrations_wrote_is_all_there_is() -> None:
    out = io.StringIO()
    call_command(
        "makemigrations", "marked", check_changes=True, dry_run=True, skip_checks=True, stdout=out
    )
    assert "No changes detected" in out.getvalue()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"managed": False}, "which is not managed"),
        ({}, "needs the name _rx_tests_sync_test_anchor_marks_oddchannel, which is a field"),
    ],
)
def test_rxgraph_E030(options: dict[str, Any], found: str) -> None:  # noqa: N802 - the code
    meta = type("Meta", (), {"app_label": "marked", "apps": type(apps)(), **options})
    members: dict[str, Any] = {"Meta": meta, "__module__": __name__}
    if not options:
        members["_rx_tests_sync_test_anchor_marks_oddchannel"] = models.BooleanField()
    odd: Any = type("Odd", (models.Model,), members)

    class OddSerializer(serializers.ModelSerializer[Any]):
        class Meta:
            model = odd
            fields = ("id",)

    with pytest.raises(DeclarationError, match=found):

        class OddChannel(ContextChannel):
            class Meta:
                state = OddSerializer()
                optimize_anchors = True


# -- only we write it


STALE: dict[str, Callable[[Any], Any]] = {
    "save": lambda shop: shop.save(),
    "save of some fields": lambda shop: shop.save(update_fields=["name", MARK]),
    "a save by force": lambda shop: shop.save(force_update=True),
    "bulk_update": lambda shop: Shop.objects.bulk_update([shop], ["name", MARK]),
    "update": lambda shop: Shop.objects.filter(pk=shop.pk).update(**{MARK: False}),
    "update to null": lambda shop: Shop.objects.filter(pk=shop.pk).update(**{MARK: None}),
    "a proxy": lambda shop: OpenShop(pk=shop.pk, name="stale").save(),
    "a fixture": lambda shop: next(
        iter(fixtures.deserialize("json", fixtures.serialize("json", [shop])))
    ).save(),
    "a data migration": lambda shop: _historical(shop).save(),
}


def _historical(shop: Shop) -> Any:
    state = MigrationLoader(connection).project_state(("marked", "0001_initial"))
    found = state.apps.get_model("marked", "Shop")(pk=shop.pk, name="stale")
    found.changed_at = shop.changed_at
    return found


@pytest.mark.parametrize("way", STALE)
@pytest.mark.parametrize("is_marked", [True, False])
def test_what_was_loaded_before_cannot_change_the_mark(way: str, is_marked: bool) -> None:
    shop = Shop.objects.create(name="old")
    stale = Shop.objects.get(pk=shop.pk)
    setattr(stale, MARK, not is_marked)
    stale.name = "stale"
    if is_marked:
        mark_anchors(tree_of(ShopChannel), [str(shop.pk)])
    STALE[way](stale)
    assert bool(mark_of(shop)) is is_marked
    if not way.startswith("update"):
        assert Shop.objects.get(pk=shop.pk).name == "stale"


def test_a_new_row_is_marked_only_when_its_key_may_have_been_anothers() -> None:
    assert mark_of(Shop.objects.create(name="a")) is False
    Shop.objects.bulk_create([Shop(name="b")])
    assert mark_of(Shop.objects.get(name="b")) is False
    assert mark_of(Shop.objects.create(pk=900, name="c")) is True
    Shop.objects.bulk_create([Shop(pk=901, name="d")])
    assert mark_of(Shop.objects.get(pk=901)) is True
    ticket = Ticket.objects.create(title="keys that the database does not give")
    assert mark_of(ticket, str(tree_of(TicketChannel).anchor_mark)) is True


def test_marking_is_no_change_and_touches_nothing_else() -> None:
    shop = Shop.objects.create(name="a")
    Intent.objects.all().delete()
    before = Shop.objects.values().get(pk=shop.pk)
    tree = tree_of(ShopChannel)
    mark_anchors(tree, [str(shop.pk), "999999", "none"])
    assert Shop.objects.values().get(pk=shop.pk) == {**before, MARK: True}
    assert unmark_anchors(tree, [str(shop.pk), "999999", "none"], lambda ids: []) == [str(shop.pk)]
    assert Shop.objects.values().get(pk=shop.pk) == before
    assert not Intent.objects.exists()


def test_many_at_once_take_few_statements() -> None:
    shops = Shop.objects.bulk_create([Shop(name=str(n)) for n in range(450)])
    ids = [str(pk) for pk in Shop.objects.values_list("pk", flat=True)]
    assert len(ids) == len(shops)
    tree = tree_of(ShopChannel)
    with connection.execute_wrapper(_counting := _Counting()):
        mark_anchors(tree, ids)
    assert _counting.count <= 6
    spared = ids[:3]
    assert set(unmark_anchors(tree, ids, lambda _: spared)) == set(ids) - set(spared)
    assert set(marked_ids(tree)) == set(spared)


class _Counting:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)


# -- from before the cache is filled until it is COLD


def test_the_mark_is_set_between_opening_the_record_and_opening_the_snapshot(
    engine: Engine,
) -> None:
    shop = Shop.objects.create(name="a")
    key = key_of(shop)
    order: list[str] = []

    def noting(step: Any) -> Any:
        if isinstance(step, SwapAnchor):
            order.append(str(step.anchor.phase))
        elif isinstance(step, MarkAnchors | OpenSnapshot):
            order.append(type(step).__name__)
        return perform(step)

    perform = engine.perform
    engine.perform = noting  # type: ignore[assignment]
    assert engine.heat(key) is Warmth.HOT
    assert order[:3] == ["HEATING", "MarkAnchors", "OpenSnapshot"]
    assert mark_of(shop) is True
    engine.perform = perform


def test_clearing_and_expiry_take_the_mark_away(engine: Engine) -> None:
    one, two = (Shop.objects.create(name=name) for name in "ab")
    keys = [heat(engine, shop) for shop in (one, two)]
    assert mark_of(one) is mark_of(two) is True
    assert engine.clear(keys[0]) is True
    assert (mark_of(one), mark_of(two)) == (False, True)
    expiry.expire(engine)
    assert mark_of(two) is False


def test_marks_that_crashes_left_are_taken_away(engine: Engine) -> None:
    shops = [Shop.objects.create(name=name) for name in "abcd"]
    lost, deserted, cooling, hot = shops
    mark_anchors(tree_of(ShopChannel), [str(lost.pk)])  # its record is gone, or was never written
    for shop in (deserted, cooling, hot):
        heat(engine, shop)
    record = engine.run(LoadAnchor(key_of(deserted)).__iter__())
    dead = replace(record, phase=Phase.HEATING, owner="dead", lease_until=1.0)
    engine.run(SwapAnchor(key_of(deserted), dead).__iter__())
    record = engine.run(LoadAnchor(key_of(cooling)).__iter__())
    engine.run(SwapAnchor(key_of(cooling), replace(record, phase=Phase.COOLING)).__iter__())
    record = engine.run(LoadAnchor(key_of(hot)).__iter__())
    watched = replace(record, sessions=frozenset({"somebody"}), idle_since=0.0)
    engine.run(SwapAnchor(key_of(hot), watched).__iter__())
    engine.store.beat("somebody", time.time() + 60)
    expiry.expire(engine)
    assert [mark_of(shop) for shop in shops] == [False, False, False, True]


def test_a_cache_that_lost_its_mark_by_other_hands_is_marked_and_read_anew(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop.objects.create(name="a")
    key = heat(engine, shop)
    with connection.cursor() as cursor:
        quoted = connection.ops.quote_name(MARK)
        cursor.execute(f"UPDATE marked_shop SET {quoted} = NULL, name = 'by hand'")  # noqa: S608
    engine.tidy_marks()
    assert "was live without its mark" in caplog.text
    assert engine.run(LoadAnchor(key).__iter__()).phase is Phase.COLD
    heat(engine, shop)
    assert cached(engine, key)[InstanceKey("Shop", key.anchor_id)]["name"] == "by hand"


# -- a janitor and a heater at the same row


def test_a_heater_waits_for_a_janitor_and_marks_after_it(engine: Engine) -> None:
    """The record is opened while the janitor holds the lock, after it looked."""
    shop = Shop.objects.create(name="a")
    key, tree = key_of(shop), tree_of(ShopChannel)
    mark_anchors(tree, [key.anchor_id])
    looked, opened = threading.Event(), threading.Event()
    handlers = engine.perform._handlers
    mark = handlers[MarkAnchors]

    def marking(step: Any) -> Any:
        opened.set()
        return mark(step)

    handlers[MarkAnchors] = marking

    def live(ids: list[str]) -> Any:
        found = live_roots(engine.store, ShopChannel.name, tree)(ids)
        looked.set()
        assert opened.wait(10)  # the heater is HEATING now, and stands before its mark
        return found

    warmth: list[Any] = []

    def heating() -> None:
        assert looked.wait(10)
        warmth.append(engine.heat(key))
        connections.close_all()

    thread = threading.Thread(target=heating)
    thread.start()
    assert unmark_anchors(tree, [key.anchor_id], live) == [key.anchor_id]
    thread.join(20)
    assert warmth == [Warmth.HOT]
    assert mark_of(shop) is True
    handlers[MarkAnchors] = mark


def test_a_janitor_finds_a_heating_and_leaves_the_mark(engine: Engine) -> None:
    shop = Shop.objects.create(name="a")
    key, tree = key_of(shop), tree_of(ShopChannel)
    seen: list[list[str]] = []

    def reading(step: Any) -> Any:
        live = live_roots(engine.store, ShopChannel.name, tree)
        seen.append(unmark_anchors(tree, [key.anchor_id], live))
        return read(step)

    handlers = engine.perform._handlers
    read, handlers[OpenSnapshot] = handlers[OpenSnapshot], reading
    assert engine.heat(key) is Warmth.HOT
    handlers[OpenSnapshot] = read
    assert seen == [[]]
    assert mark_of(shop) is True


# -- who is asked


def test_a_save_of_an_unmarked_anchor_asks_no_store(engine: Engine, asked: list[Any]) -> None:
    live, idle = (Shop.objects.create(name=name) for name in ("live", "idle"))
    key = heat(engine, live)
    asked.clear()
    idle.name = "changed"
    idle.save()
    assert about(asked) == 0
    live.name = "changed"
    live.save()
    assert about(asked) > 0
    assert cached(engine, key)[InstanceKey("Shop", key.anchor_id)]["name"] == "changed"
    assert not Intent.objects.exists()


def test_a_save_below_asks_only_while_some_anchor_is_marked(
    engine: Engine, asked: list[Any]
) -> None:
    live, idle = (Shop.objects.create(name=name) for name in ("live", "idle"))
    item = Item.objects.create(shop=idle, name="i")
    asked.clear()
    item.save()
    assert about(asked) == 0
    key = heat(engine, live)
    asked.clear()
    item.shop = live
    item.save()
    assert about(asked) > 0
    assert InstanceKey("Item", str(item.pk)) in cached(engine, key)
    item.shop = idle
    item.save()
    assert InstanceKey("Item", str(item.pk)) not in cached(engine, key)
    engine.clear(key)
    asked.clear()
    item.save()
    assert about(asked) == 0


def test_two_channels_on_one_model_are_told_apart(engine: Engine, asked: list[Any]) -> None:
    shop = Shop.objects.create(name="a")
    heat(engine, shop, ShopNameChannel)
    assert (mark_of(shop), mark_of(shop, NAME_MARK)) == (False, True)
    asked.clear()
    shop.name = "b"
    shop.save()
    assert not any(isinstance(s, FindHolders) and ShopChannel.name in s.wanted for s in asked)
    assert cached(engine, key_of(shop, ShopNameChannel)).popitem()[1]["name"] == "b"


def test_a_deleted_anchor_is_told_although_its_mark_is_gone_with_it(engine: Engine) -> None:
    shop = Shop.objects.create(name="a")
    key = heat(engine, shop)
    shop.delete()
    assert InstanceKey("Shop", key.anchor_id) not in cached(engine, key)


def test_an_anchor_that_is_deleted_and_made_again_at_once_stays_live(engine: Engine) -> None:
    shop = Shop.objects.create(name="a")
    key = heat(engine, shop)
    root = InstanceKey("Shop", key.anchor_id)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).delete()
        Shop.objects.bulk_create([Shop(pk=shop.pk, name="again")])
    assert cached(engine, key)[root]["name"] == "again"
    Shop.objects.filter(pk=shop.pk).update(name="later")
    assert cached(engine, key)[root]["name"] == "later"


def test_rows_of_a_parent_table_and_of_its_heirs(engine: Engine, asked: list[Any]) -> None:
    cafe = Cafe.objects.create(name="a", seats=1)
    plain = Place.objects.create(name="b")
    expiry.expire(engine)  # the key of a row in a child's table is known before it is inserted
    key = heat(engine, cafe, CafeChannel)
    asked.clear()
    plain.name = "changed"
    plain.save()
    assert about(asked, PlaceChannel) == 0
    Place.objects.filter(pk=cafe.pk).update(name="by its parent table")
    assert cached(engine, key)[InstanceKey("Cafe", str(cafe.pk))]["name"] == "by its parent table"


def test_a_root_that_other_anchors_show_is_told_to_them(engine: Engine, asked: list[Any]) -> None:
    outer = Crate.objects.create(name="outer")
    inner = Crate.objects.create(name="inner", outer=outer)
    asked.clear()
    inner.save()
    assert about(asked, CrateChannel) == 0
    key = heat(engine, outer, CrateChannel)
    inner.name = "changed"
    inner.save()
    assert cached(engine, key)[InstanceKey("InnerCrate", str(inner.pk))]["name"] == "changed"


def test_what_a_process_left_behind_is_told_by_the_sweeper(engine: Engine) -> None:
    shop = Shop.objects.create(name="a")
    key = heat(engine, shop)
    engine.is_serving = False
    engine._retry_at = float("inf")  # as while the store is away
    shop.name = "left behind"
    shop.save()
    assert Intent.objects.exists()
    engine.is_serving = True
    engine.sweep(at_once=True)
    assert cached(engine, key)[InstanceKey("Shop", key.anchor_id)]["name"] == "left behind"
    assert set(trees()) >= {ShopChannel.name}


# -- list channels: the roots in the forest are the marked ones


def test_the_roots_of_a_forest_are_marked_while_they_are_in_it(
    engine: Engine, asked: list[Any]
) -> None:
    shown, other = (Shop.objects.create(name=name) for name in ("shown", "other"))
    item = Item.objects.create(shop=other, name="i")
    forest = AnchorKey(ShopListChannel.name, FOREST)
    tree = tree_of(ShopListChannel)
    assert engine.heat(forest) is Warmth.HOT
    asked.clear()
    for row in (shown, other, item):
        row.save()
    assert about(asked, ShopListChannel) == 0

    engine.claim_roots(forest.channel, [str(shown.pk)])
    engine.bring_roots(forest, [str(shown.pk)])
    assert (mark_of(shown, LIST_MARK), mark_of(other, LIST_MARK)) == (True, False)
    asked.clear()
    other.save()
    assert about(asked, ShopListChannel) == 0
    shown.name = "changed"
    shown.save()
    assert cached(engine, forest)[InstanceKey("Shop", str(shown.pk))]["name"] == "changed"
    item.shop = shown
    item.save()
    assert InstanceKey("Item", str(item.pk)) in cached(engine, forest)

    engine.tidy_marks()
    assert mark_of(shown, LIST_MARK) is True
    assert engine.clear(forest) is True
    assert mark_of(shown, LIST_MARK) is False
    assert tree.anchor_mark == LIST_MARK


def test_a_root_that_nobody_claims_any_more_loses_its_mark_with_its_documents(
    engine: Engine,
) -> None:
    shop = Shop.objects.create(name="a")
    forest = AnchorKey(ShopListChannel.name, FOREST)
    assert engine.heat(forest) is Warmth.HOT
    engine.bring_roots(forest, [str(shop.pk)])
    engine.tidy_marks()
    assert mark_of(shop, LIST_MARK) is True
    assert engine.drop_idle_roots(forest, [str(shop.pk)]) == 1
    assert cached(engine, forest) == {}
    assert mark_of(shop, LIST_MARK) is True
    engine.tidy_marks()
    assert mark_of(shop, LIST_MARK) is False
