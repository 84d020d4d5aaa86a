"""Which arguments the hooks of a channel ask for."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any, Optional

import pytest
import strawberry

from rxgraph.actions import BigInt
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.declare.arguments import Argument, channel_arguments, read_arguments
from rxgraph.errors import DeclarationError
from tests.torture.serializers import GenreSerializer


class Mood(enum.Enum):
    CALM = 1


@pytest.fixture(autouse=True)
def _no_other_channels():
    with registry.isolated():
        yield


def channel(**hooks: Any) -> type[ContextChannel]:
    if "has_permission" in hooks:
        hooks["has_permission"] = staticmethod(hooks["has_permission"])
    many = "list_instances" in hooks
    meta = type("Meta", (), {"state": GenreSerializer(many=True) if many else GenreSerializer()})
    return type("GenreChannel", (ContextChannel,), {"Meta": meta, **hooks})


def test_a_channel_that_names_none_takes_an_id() -> None:
    assert channel_arguments(channel()) == (Argument("id", "id", strawberry.ID),)


def test_a_list_channel_that_names_none_takes_none() -> None:
    assert channel_arguments(channel(list_instances=lambda self: [])) == ()


def test_arguments_are_the_union_of_the_hooks_in_order() -> None:
    def has_permission(user, team_id: int) -> bool:
        return True

    async def get_instance_id(self, team_id: int, project_id) -> int:
        return 1

    first, second = channel_arguments(
        channel(has_permission=has_permission, get_instance_id=get_instance_id)
    )
    assert (first.graphql_name, first.annotation) == ("teamId", int)
    assert (second.graphql_name, second.annotation) == ("projectId", strawberry.ID)


def test_what_is_not_named_is_no_argument() -> None:
    def has_permission(user, *args, a: int, **kwargs) -> bool:
        return True

    assert [a.name for a in channel_arguments(channel(has_permission=has_permission))] == ["a"]


def test_a_default_makes_an_argument_optional_and_none_makes_it_nullable() -> None:
    def list_instances(self, search=None, limit: int = 5):
        return []

    list_instances.__annotations__["search"] = str

    search, limit = channel_arguments(channel(list_instances=list_instances))
    assert (search.has_default, search.nullable, search.base) == (True, True, str)
    assert (limit.has_default, limit.nullable, limit.default) == (True, False, 5)


def test_an_argument_one_hook_needs_is_required() -> None:
    def has_permission(user, a: int = 1) -> bool:
        return True

    def get_instance_id(self, a: int) -> int:
        return a

    (argument,) = channel_arguments(
        channel(has_permission=has_permission, get_instance_id=get_instance_id)
    )
    assert not argument.has_default


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        str,
        bool,
        float,
        strawberry.ID,
        uuid.UUID,
        datetime.date,
        datetime.datetime,
        decimal.Decimal,
        Mood,
        BigInt,
        int | None,
        Optional[BigInt],  # noqa: UP045
        Optional[Mood],  # noqa: UP045
        Optional[strawberry.ID],  # noqa: UP045
    ],
)
def test_supported_annotations(annotation: Any) -> None:
    def has_permission(user, a) -> bool:
        return True

    has_permission.__annotations__["a"] = annotation
    (argument,) = channel_arguments(channel(has_permission=has_permission))
    assert argument.annotation == annotation


@pytest.mark.parametrize("annotation", [list[int], dict, object, int | str, "Nowhere"])
def test_unsupported_annotations_are_refused(annotation: Any) -> None:
    def has_permission(user, a) -> bool:
        return True

    has_permission.__annotations__["a"] = annotation
    declared = channel(has_permission=has_permission)
    assert [problem.code for problem in read_arguments(declared)[1]] == ["E004"]
    with pytest.raises(DeclarationError):
        channel_arguments(declared)


def test_one_name_with_two_annotations_is_refused() -> None:
    def has_permission(user, a: int) -> bool:
        return True

    def get_instance_id(self, a: str) -> str:
        return a

    declared = channel(has_permission=has_permission, get_instance_id=get_instance_id)
    assert [problem.code for problem in read_arguments(declared)[1]] == ["E004"]


def test_the_name_after_belongs_to_the_cursor() -> None:
    def has_permission(user, after: int) -> bool:
        return True

    declared = channel(has_permission=has_permission)
    assert [problem.code for problem in read_arguments(declared)[1]] == ["E014"]
