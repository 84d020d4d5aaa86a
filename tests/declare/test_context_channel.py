"""What making a ContextChannel class accepts, refuses and remembers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.declare.problems import DeclarationProblems
from rxgraph.errors import DeclarationError
from rxgraph.operations import CREATE, SAVE
from tests.torture.models import Genre
from tests.torture.serializers import GenreSerializer, TrackSerializer


@pytest.fixture(autouse=True)
def _no_other_channels():
    with registry.isolated():
        yield


def declare(name: str = "GenreChannel", **members: Any) -> type[ContextChannel]:
    """Declare a channel whose Meta holds what is not a method."""
    meta = {"state": GenreSerializer(), **members.pop("meta", {})}
    meta = {key: value for key, value in meta.items() if value is not ...}
    return type(name, (ContextChannel,), {"Meta": type("Meta", (), meta), **members})


def refused(**members: Any) -> list[tuple[str, str]]:
    """Return the codes and texts of the problems that forbid such a class."""
    with pytest.raises(DeclarationError) as caught:
        declare(**members)
    assert isinstance(caught.value, DeclarationProblems)
    assert not registry.channels()
    return [(problem.code, f"{problem.found}; {problem.hint}") for problem in caught.value.problems]


def test_a_declared_channel_is_registered_under_a_stable_name() -> None:
    channel = declare()
    assert channel.name == "tests.declare.test_context_channel.GenreChannel"
    assert channel.field_name == "genre"
    assert registry.channels() == (channel,)
    assert registry.get(channel.name) is channel
    assert list(channel.get_registered_channels()) == [channel]


def test_channels_are_ordered_by_name() -> None:
    late, early = declare("Zebra"), declare("Aardvark")
    assert registry.channels() == (early, late)


def test_an_abstract_channel_passes_its_options_on_but_is_not_served() -> None:
    class Base(ContextChannel):
        class Meta:
            abstract = True
            cache_ttl = 5

    class Genres(Base):
        class Meta:
            state = GenreSerializer()

    assert registry.channels() == (Genres,)
    assert Base.options.abstract
    assert not Genres.options.abstract
    assert Genres.get_cache_ttl() == 5


def test_a_meta_may_inherit_from_an_abstract_meta() -> None:
    class Base(ContextChannel):
        class Meta:
            abstract = True
            state = GenreSerializer()

    class Genres(Base):
        class Meta(Base.Meta):
            cache_ttl = 7

    assert not Genres.options.abstract
    assert Genres.options.state is not None


def test_a_subclass_without_meta_inherits_the_state() -> None:
    parent = declare(meta={"graphql_name": "Music"})
    child: Any = type("OtherChannel", (parent,), {})
    assert child.options.state is parent.options.state
    assert (parent.field_name, child.field_name) == ("music", "other")


def test_cache_ttl_falls_back_to_the_setting(settings) -> None:
    settings.RXGRAPH = {"CACHE_TTL": 99}
    assert declare().get_cache_ttl() == 99


def test_a_many_serializer_makes_a_list_channel() -> None:
    channel = declare(
        meta={"state": GenreSerializer(many=True)}, list_instances=lambda self: Genre.objects.all()
    )
    assert channel.options.many
    assert isinstance(channel.options.state, GenreSerializer)


def test_writable_is_read_into_sets() -> None:
    channel = declare(meta={"writable": {TrackSerializer: [SAVE, CREATE]}})
    assert channel.options.writable == {TrackSerializer: frozenset({SAVE, CREATE})}


def test_by_default_who_is_signed_in_may_watch_and_nobody_may_write() -> None:
    user = User(username="somebody")
    channel = declare()(user, {"id": "4"})
    assert channel.user is user
    assert channel.has_permission(user) is True
    assert channel.has_permission(AnonymousUser()) is False
    assert channel.get_instance_id(**channel.kwargs) == "4"
    assert channel.is_visible(4) is True
    assert channel.can_save(None, {}) is False
    assert channel.can_create(Genre, None, {}) is False
    assert channel.can_delete(None) is False


async def test_send_goes_to_the_live_context() -> None:
    sent: list[object] = []

    class Live:
        async def send(self, data: object) -> None:
            sent.append(data)

    channel = declare()
    live: Any = Live()
    await channel(live=live).send({"a": 1})
    await channel().send("nobody is there")
    assert sent == [{"a": 1}]


def test_state_missing_is_refused() -> None:
    assert refused(meta={"state": ...})[0][0] == "E001"


def test_state_that_is_a_class_is_refused_with_the_instance_to_write() -> None:
    code, text = refused(meta={"state": GenreSerializer})[0]
    assert code == "E001"
    assert text == "is the class GenreSerializer; pass an instance: GenreSerializer()"


def test_state_that_is_no_model_serializer_is_refused() -> None:
    assert refused(meta={"state": serializers.Serializer()})[0][0] == "E002"


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    code, text = refused(meta={"cache_tll": 3})[0]
    assert code == "E003"
    assert "did you mean cache_ttl?" in text


@pytest.mark.parametrize(
    "meta",
    [
        {"auto_update": 1},
        {"secret": "yes"},
        {"cache_ttl": "3"},
        {"cache_ttl": -1},
        {"graphql_name": ""},
    ],
)
def test_an_option_of_the_wrong_type_is_refused(meta: dict[str, Any]) -> None:
    assert refused(meta=meta)[0][0] == "E019"


@pytest.mark.parametrize(
    "writable",
    [[GenreSerializer], {GenreSerializer: ["READ"]}, {GenreSerializer: SAVE}, {Genre: [SAVE]}],
)
def test_writable_must_grant_operations_to_serializers(writable: Any) -> None:
    assert refused(meta={"writable": writable})[0][0] == "E011"


def test_hooks_of_the_wrong_shape_are_refused_all_at_once() -> None:
    def generator(self, tstamp):
        yield

    problems = refused(
        has_permission=lambda user: True,
        can_save=lambda self: True,
        on_connect=generator,
        is_visible=True,
    )
    assert [code for code, _ in problems] == ["E012"] * 4


def test_a_list_channel_without_list_instances_is_refused() -> None:
    assert refused(meta={"state": GenreSerializer(many=True)})[0][0] == "E012"


def test_runtime_state_must_be_a_typed_dict() -> None:
    assert refused(RuntimeState=dict)[0][0] == "E018"


def test_every_problem_of_a_class_is_named_at_once() -> None:
    codes = [code for code, _ in refused(meta={"state": GenreSerializer, "stat": 1})]
    assert codes == ["E003", "E001"]
