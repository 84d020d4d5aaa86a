"""Who is let in: the order of the checks, and what each refusal says."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied

from rxgraph.errors import BadRequest, Forbidden, NotFound, RequestError, Unauthenticated
from rxgraph.serve.gate import admit, entity_id
from tests.serve.shop import ANN, COMPILED, Hooks, ShelfChannel, hooks


@pytest.fixture(autouse=True)
def _fresh_hooks() -> Iterator[None]:
    vars(hooks).update(vars(Hooks()))
    yield
    vars(hooks).update(vars(Hooks()))


async def enter(user: Any = ANN, **arguments: object) -> str:
    arguments = {"album_id": 7, "side": None, **arguments}
    admission = await admit(COMPILED, ShelfChannel(user, arguments), arguments)
    return admission.key.anchor_id


async def test_who_may_watch_gets_the_anchor():
    assert await enter() == "7"


async def test_nobody_is_asked_for_anything_but_to_sign_in():
    with pytest.raises(Unauthenticated):
        await enter(AnonymousUser())
    with pytest.raises(Unauthenticated):
        await enter(None)
    assert hooks.calls == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (False, Forbidden),
        (PermissionDenied(), Forbidden),
        (ObjectDoesNotExist(), NotFound),
        (Forbidden("Not on Sundays"), Forbidden),
    ],
)
async def test_a_permission_that_is_refused_names_what_was_asked_for(answer, error):
    hooks.permission = answer
    with pytest.raises(error, match=r"albumId: 7|Sundays"):
        await enter()


@pytest.mark.parametrize("answer", [None, 1, "yes", ANN])
async def test_an_answer_that_is_not_a_bool_is_the_developers_fault(answer):
    hooks.permission = answer
    with pytest.raises(TypeError, match=r"has_permission answered .* return True or False"):
        await enter()


@pytest.mark.parametrize("wrong", ["abc", "", "7.5", 10**30, True, b"7", "\x00"])
async def test_an_id_of_the_wrong_type_names_channel_argument_and_value(wrong):
    with pytest.raises(BadRequest, match=r"^shelf: argument albumId is .*not the id of a Album"):
        await enter(album_id=wrong)


@pytest.mark.parametrize("form", [7, "7", " 7", "07"])
async def test_one_row_has_one_id_however_it_was_written(form):
    assert await enter(album_id=form) == "7"


async def test_a_permission_hook_that_stumbles_over_the_id_is_not_to_blame():
    hooks.permission = ValueError("Field 'id' expected a number but got 'abc'.")
    with pytest.raises(BadRequest, match="albumId"):
        await enter(album_id="abc")
    with pytest.raises(ValueError, match="expected a number") as caught:
        await enter(album_id=7)
    assert not isinstance(caught.value, RequestError)


@pytest.mark.parametrize("missing", [None, ObjectDoesNotExist()])
async def test_an_id_that_is_not_there_is_not_found(missing):
    hooks.instance_id = missing
    with pytest.raises(NotFound, match=r"shelf\(albumId: 7, side: null\) does not exist"):
        await enter()


class Side(enum.Enum):
    FRONT = "front"


VALUES = [None, "", "null", "[null]", "1", '["1"]', "a,b", Side.FRONT, True, datetime.date.min]


def test_the_entity_id_is_distinct_for_every_set_of_arguments():
    one = SimpleNamespace(arguments=[SimpleNamespace(name="a")])
    two = SimpleNamespace(arguments=[SimpleNamespace(name="a"), SimpleNamespace(name="b")])
    assert len({entity_id(one, {"a": value}) for value in VALUES}) == len(VALUES)  # type: ignore[arg-type]
    pairs = [(a, b) for a in VALUES for b in VALUES]
    assert len({entity_id(two, {"a": a, "b": b}) for a, b in pairs}) == len(pairs)  # type: ignore[arg-type]
    assert entity_id(one, {"a": 7}) == "7"  # type: ignore[arg-type]
