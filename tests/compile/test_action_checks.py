"""Actions that cannot be typed: system checks, and errors that name method and parameter."""

# ruff: noqa: N802  # tests are named after the ids

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, NamedTuple, TypedDict

import pytest
from django.db import models

from rxgraph.actions import action
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.declare import checks, registry
from rxgraph.errors import DeclarationError
from rxgraph.operations import SAVE
from tests.torture.serializers import GenreSerializer


async def reserved(self: Any, __x: int) -> None: ...


class Tree(TypedDict):
    children: list[Tree]


class Empty(TypedDict):
    pass


class WithId(TypedDict):
    id: int


class Twice(TypedDict):
    a_b: int
    aB: int


class Lost(TypedDict):
    where: Nowhere  # type: ignore[name-defined]  # noqa: F821


class Pair(NamedTuple):
    left: int
    right: int


class Mode(enum.Flag):
    ON = 1


class Odd(enum.Enum):
    true = 1


class Void(enum.Enum):
    pass


Dunder = TypedDict("Dunder", {"__x": int})


@dataclasses.dataclass
class Nested:
    inner: WithId
    odd: complex = 1j


@dataclasses.dataclass
class Initial:
    kept: int
    used: dataclasses.InitVar[int]


@dataclasses.dataclass
class WrongDefault:
    amount: int = "5"  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _no_other_channels(settings: Any) -> Iterator[None]:
    settings.DEBUG = True
    with registry.isolated():
        yield


def declare(*methods: Any, name: str = "ThingChannel", **members: Any) -> type[ContextChannel]:
    meta = {"state": GenreSerializer(), **members.pop("meta", {})}
    marked = {method.__name__: action(method) for method in methods}
    members = {"Meta": type("Meta", (), meta), "__module__": __name__, **marked, **members}
    return type(name, (ContextChannel,), members)


def found() -> list[tuple[str, str]]:
    """Run the checks; return ids and texts, having seen that each message has its hint."""
    messages = checks.check_declarations()
    assert all(message.hint for message in messages)
    return [(str(m.id).removeprefix("rxgraph."), str(m.msg)) for m in messages]


def typed(hint: Any) -> Any:
    """Return a method whose one parameter is of *hint*."""

    async def act(self: Any, value: Any) -> None: ...

    act.__annotations__ = {"value": hint, "return": None}
    return act


def answering(hint: Any) -> Any:
    """Return a method that answers *hint*."""

    async def act(self: Any) -> Any: ...

    act.__annotations__ = {"return": hint}
    return act


def test_sound_actions_have_no_problem() -> None:
    declare(typed(int), name="A")
    assert found() == []


@pytest.mark.parametrize(
    ("hint", "code", "text"),
    [
        (complex, "E024", "names value, which is complex, which has no GraphQL type"),
        (models.Model, "E024", "names value, which is Model, which has no GraphQL type"),
        (Pair, "E024", "names value, which is Pair, which has no GraphQL type"),
        (bytes, "E024", "names value, which is bytes, which has no GraphQL type"),
        (int | str, "E024", "names value, which is int | str: one of several types"),
        (list[bytes], "E024", "names value, which is bytes, which has no GraphQL type"),
        (tuple[int, str], "E024", "names value, which is tuple[int, str], a tuple of fixed length"),
        (
            set[list[int]],
            "E024",
            "names value, which is set[list[int]], a set of what may not be hashable",
        ),
        (dict[int, str], "E024", "names value, which is dict[int, str], whose keys are no str"),
        (Mode, "E024", "names value, which is Mode, a Flag"),
        (Void, "E024", "names value, which is Void, an enum without members"),
        (Odd, "E014", "names value, which is Odd, whose member true GraphQL does not allow"),
        (
            Tree,
            "E024",
            "names value, which has Tree.children, which is Tree, which contains itself",
        ),
        (Empty, "E024", "names value, which is Empty, which has no fields"),
        (Twice, "E013", "names value, which is Twice, which has two fields that become aB"),
        (Dunder, "E014", "names value, which has Dunder.__x, which GraphQL does not allow"),
        (
            Nested,
            "E024",
            "names value, which has Nested.odd, which is complex, which has no GraphQL type",
        ),
        (
            WrongDefault,
            "E024",
            "names value, which has WrongDefault.amount, which has the default '5': it is a str,"
            " not an int",
        ),
        ("Nowhere", "E024", "has annotations that cannot be read: name 'Nowhere' is not defined"),
    ],
)
def test_rxgraph_E024_of_parameters(hint: Any, code: str, text: str) -> None:
    channel = declare(typed(hint))
    assert found() == [(code, f"{__name__}.ThingChannel.act {text}")]
    with pytest.raises(DeclarationError, match=r"ThingChannel\.act"):
        compile_channel(channel)


@pytest.mark.parametrize("hint", [Lost, Initial])
def test_rxgraph_E024_of_classes_that_cannot_be_read(hint: Any) -> None:
    declare(typed(hint))
    ((code, text),) = found()
    assert code == "E024"
    assert f"names value, which is {hint.__name__}, whose annotations cannot be read" in text


@pytest.mark.parametrize(
    ("hint", "code", "text"),
    [
        (bytes, "E024", "answers what is bytes, which has no GraphQL type"),
        (
            WithId,
            "E006",
            "answers what has WithId.id, but only entities have an id: caches would take it for"
            " one",
        ),
        (
            list[WithId],
            "E006",
            "answers what has WithId.id, but only entities have an id: caches would take it for"
            " one",
        ),
    ],
)
def test_rxgraph_E024_of_results(hint: Any, code: str, text: str) -> None:
    declare(answering(hint))
    assert found() == [(code, f"{__name__}.ThingChannel.act {text}")]


def test_an_input_may_have_an_id() -> None:
    declare(typed(WithId))
    assert found() == []


class TestSignatures:
    def test_no_type(self) -> None:
        async def act(self, title):
            return title

        declare(act)
        assert found() == [
            ("E024", f"{__name__}.ThingChannel.act names title without a type"),
        ]

    def test_stars_and_places(self) -> None:
        async def act(self: Any, first: int, /, *rest: int, **more: int) -> None: ...

        declare(act)
        assert [text.partition("act ")[2] for _, text in found()] == [
            "takes first by position only",
            "takes *rest",
            "takes **more",
        ]

    def test_no_self(self) -> None:
        async def act() -> None: ...

        declare(act)
        assert found() == [("E024", f"{__name__}.ThingChannel.act takes no self")]

    def test_session_is_taken(self) -> None:
        async def act(self: Any, session: str) -> None: ...

        declare(act)
        ((code, text),) = found()
        assert code == "E014"
        assert "names session, which addresses the live context" in text

    def test_two_parameters_of_one_name(self) -> None:
        async def act(self: Any, a_b: int, aB: int) -> None: ...  # noqa: N803

        declare(act)
        assert [code for code, _ in found()] == ["E013"]

    def test_a_parameter_that_graphql_does_not_allow(self) -> None:
        declare(act=action(reserved))
        assert [code for code, _ in found()] == ["E014"]

    def test_a_default_of_another_type(self) -> None:
        async def act(self: Any, count: int = "5") -> None: ...  # type: ignore[assignment]

        declare(act)
        ((code, text),) = found()
        assert code == "E024"
        assert "names count, which has the default '5': it is a str, not an int" in text

    def test_every_problem_is_in_one_run(self) -> None:
        async def one(self: Any, a: bytes, b: complex) -> bytes:
            return a

        async def two(self: Any, c) -> None: ...

        channel = declare(one, two)
        assert len(found()) == 4
        with pytest.raises(DeclarationError) as caught:
            compile_channel(channel)
        assert str(caught.value).count("ThingChannel") == 4

    def test_an_override_that_is_not_async(self) -> None:
        base = declare(typed(int), name="BaseChannel", meta={"abstract": True})
        type("ThingChannel", (base,), {"act": lambda self, value: None, "__module__": __name__})
        assert found() == [
            ("E024", f"{__name__}.ThingChannel.act is an action, but no async method")
        ]

    def test_a_static_method(self) -> None:
        async def act(value: int) -> None: ...

        declare(act=staticmethod(action(act)))
        assert [code for code, _ in found()] == ["E024"]


class TestCollisions:
    def test_rxgraph_E020_with_a_write_of_the_same_channel(self) -> None:
        async def save_genre(self: Any) -> None: ...

        declare(save_genre, meta={"writable": {GenreSerializer: [SAVE]}})
        assert found() == [
            (
                "E020",
                f"{__name__}.ThingChannel.save_genre makes the mutation thingSaveGenre,"
                f" as {__name__}.ThingChannel does",
            )
        ]

    def test_rxgraph_E020_with_the_batch(self) -> None:
        async def write(self: Any) -> None: ...

        declare(write, meta={"writable": {GenreSerializer: [SAVE]}})
        assert [code for code, _ in found()] == ["E020"]

    def test_rxgraph_E020_with_an_action_of_another_channel(self) -> None:
        async def list_rename(self: Any) -> None: ...
        async def rename(self: Any) -> None: ...

        declare(list_rename, name="ThingChannel")
        declare(rename, name="ThingListChannel")
        assert [code for code, _ in found()] == ["E020"]

    def test_rxgraph_E020_of_two_methods_of_one_name_in_graphql(self) -> None:
        async def go_on(self: Any) -> None: ...
        async def goOn(self: Any) -> None: ...

        declare(go_on, goOn)
        assert [code for code, _ in found()] == ["E020"]

    def test_rxgraph_E005_of_a_class_and_a_layer(self) -> None:
        genre = dataclasses.make_dataclass("Genre", [("name", str)])
        declare(answering(genre))
        ((code, text),) = found()
        assert code == "E005"
        assert "claims the type name Genre" in text

    def test_rxgraph_E005_of_two_classes(self) -> None:
        one, two = (dataclasses.make_dataclass("Thing", [("name", str)]) for _ in range(2))
        declare(typed(one), name="A")
        declare(typed(two), name="B")
        ((code, text),) = found()
        assert code == "E005"
        assert "claims the type name ThingInput" in text

    def test_rxgraph_E005_of_two_enums(self) -> None:
        one, two = (enum.Enum("Kind", ["A"]) for _ in range(2))
        declare(typed(one), name="A")
        hint: Any = two
        declare(typed(list[hint | None]), name="B")
        assert [code for code, _ in found()] == ["E005"]

    def test_rxgraph_E014_of_a_type_that_the_schema_has(self) -> None:
        query = dataclasses.make_dataclass("Query", [("name", str)])
        declare(answering(query))
        assert [code for code, _ in found()] == ["E014"]
