"""Trusted documents: what is served by id, what by text, and what is refused, on every door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from graphql import parse, print_ast
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.compile.documents.persisted import (
    ids_of,
    normal_text,
    operations_in,
    read_list,
    sha256,
    write_list,
)
from rxgraph.declare.checks import check_documents
from rxgraph.serve.trusted import Trusted
from rxgraph.settings import get_settings
from tests.serve.limits.test_doors import connected, post
from tests.serve.shop import ANN, Hooks, hooks

READ = """
query Shelf($albumId: Int!) { shelf(albumId: $albumId) { ...ShelfFields state { ...AlbumFields } } }
fragment AlbumFields on Album { id title tracks { id title } }
fragment ShelfFields on ShelfChannel { id }
"""
WATCH = "subscription Watch($albumId: Int!) { shelf(albumId: $albumId) { kind cursor } }"
OTHER = "query Shelf($albumId: Int!) { shelf(albumId: $albumId) { cursor } }"
SENT = """query Shelf($albumId: Int!) {
  shelf(albumId: $albumId) {
    ...ShelfFields
    state {
      ...AlbumFields
      __typename
    }
    __typename
  }
}

fragment ShelfFields on ShelfChannel {
  id
  __typename
}

fragment AlbumFields on Album {
  id
  title
  tracks {
    id
    title
    __typename
  }
  __typename
}"""
"""What Apollo Client 4.3 sends of READ."""


async def by_name(credentials: Any) -> Any:
    """Let everybody in."""
    return ANN


@pytest.fixture(autouse=True)
def trust(settings: Any, tmp_path: Path) -> Iterator[Any]:
    """Serve READ and WATCH, trusted; everybody is Ann."""
    path = tmp_path / "documents.json"
    path.write_text(write_list([parse(READ), parse(WATCH)]))

    def configure(**more: Any) -> None:
        settings.RXGRAPH = {**settings.RXGRAPH, **more}

    configure(AUTHENTICATE=f"{__name__}.by_name", DOCUMENTS="trusted", DOCUMENT_LISTS=[str(path)])
    vars(hooks).update(vars(Hooks()))
    yield configure
    vars(hooks).update(vars(Hooks()))


def id_of(name: str) -> str:
    """Return the id of an operation in the list."""
    (path,) = get_settings().document_paths
    found = json.loads(path.read_text())["operations"]
    return str(next(item["id"] for item in found if item["name"] == name))


def request(**parameters: Any) -> str:
    """Return the body of a request."""
    return json.dumps({"variables": {"albumId": 7}, **parameters})


def persisted(id_: str) -> dict[str, Any]:
    """Return ``extensions`` as Apollo Client sends them."""
    return {"persistedQuery": {"version": 1, "sha256Hash": id_}}


async def test_documents_are_served_by_their_ids_and_however_they_are_written() -> None:
    id_ = id_of("Shelf")
    for parameters in (
        {"documentId": id_},
        {"documentId": f"sha256:{id_}"},
        {"extensions": persisted(id_)},
        {"extensions": persisted(sha256(SENT))},
        {"query": READ},
        {"query": SENT},
        {"query": f"# a comment\n{READ}"},
        {"query": READ, "documentId": "of somebody else's list"},
    ):
        answer = await post(request(**parameters))
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["shelf"]["state"]["title"] == "Blue"


async def test_everything_else_is_refused_over_http() -> None:
    for text in (OTHER, "{ __typename }", READ.replace("title", "rating", 1), f"{READ} {OTHER}"):
        answer = await post(request(query=text))
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["extensions"] == {
            "code": "QUERY_NOT_IN_SAFELIST",
            "status": 403,
        }
    for parameters in ({"documentId": "no"}, {"extensions": persisted(sha256(OTHER))}):
        answer = await post(request(**parameters))
        assert answer.status_code == 404
        assert answer.json()["errors"] == [
            {
                "message": "PersistedQueryNotFound",
                "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND", "status": 404},
            }
        ]
    assert (await post(request(extensions={"persistedQuery": "x"}))).status_code == 400
    assert hooks.calls == []


async def test_a_socket_serves_and_refuses_the_same() -> None:
    async with connected() as socket:
        asked: list[dict[str, Any]] = [
            {"documentId": id_of("Watch")},
            {"query": "", "extensions": persisted(id_of("Watch"))},
            {"query": WATCH},
        ]
        for number, payload in enumerate(asked):
            whole = {"variables": {"albumId": 7}, **payload}
            await socket.send(type="subscribe", id=str(number), payload=whole)
            frame = await socket.read()
            assert frame["payload"]["data"]["shelf"]["kind"] == "SNAPSHOT", frame
        for payload, code in (
            ({"query": OTHER}, "QUERY_NOT_IN_SAFELIST"),
            ({"query": "{ __typename }"}, "QUERY_NOT_IN_SAFELIST"),
            ({"documentId": "nobody's"}, "PERSISTED_QUERY_NOT_FOUND"),
        ):
            await socket.send(type="subscribe", id="x", payload=payload)
            frame = await socket.read()
            assert (frame["type"], frame["payload"][0]["extensions"]["code"]) == ("error", code)


async def test_where_documents_are_open_ids_are_served_as_well(trust: Any) -> None:
    trust(DOCUMENTS="open")
    for parameters in ({"documentId": id_of("Shelf")}, {"query": OTHER}, {"query": READ}):
        assert "errors" not in (await post(request(**parameters))).json()
    trust(DOCUMENT_LISTS=["/nowhere.json"])
    assert "errors" not in (await post(request(query=OTHER))).json()


async def test_a_refused_text_does_not_become_known(trust: Any) -> None:
    for _ in range(2):
        assert (await post(request(query=OTHER))).status_code == 403
    trust(DOCUMENTS="open")
    assert (await post(request(query=OTHER))).status_code == 200
    trust(DOCUMENTS="trusted")
    assert (await post(request(query=OTHER))).status_code == 403


async def test_trusted_documents_are_above_limits_and_others_are_not(trust: Any) -> None:
    trust(DOCUMENT_TOKENS=10, OPERATION_DEPTH=1, DOCUMENT_BYTES=100)
    assert (await post(request(documentId=id_of("Shelf")))).status_code == 200
    large = await post(request(query=f"{READ} # {'x' * 200}"))
    assert large.status_code == 413


def test_lists_are_read_in_three_forms(tmp_path: Path) -> None:
    relay = json.dumps({"abc": WATCH})
    assert read_list(relay) == {"abc": WATCH}
    assert Trusted(read_list(relay)).find("sha256:abc") == WATCH
    ours = read_list(write_list([parse(WATCH)]))
    assert list(ours.values()) == [print_ast(parse(WATCH))]
    for wrong in ("[]", '{"a": 1}', '{"a": "{"}', '{"format": "x"}', "no"):
        with pytest.raises(Exception, match=r".+"):
            read_list(wrong)


async def test_lists_that_are_missing_or_wrong_are_named(trust: Any, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text("[]")
    trust(DOCUMENT_LISTS=[str(path)])
    with pytest.raises(ImproperlyConfigured, match=r"wrong\.json is no list of documents"):
        Trusted.of(get_settings())
    answer = await post(request(query=READ))
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


def test_rxgraph_E033(trust: Any) -> None:  # noqa: N802 - the code
    assert check_documents() == []
    trust(DOCUMENT_LISTS=["nowhere/documents.json"])
    (problem,) = check_documents()
    assert problem.code == "E033"
    assert "which is no file" in problem.found
    trust(DOCUMENTS="closed")
    (problem,) = check_documents()
    assert problem.found == "is 'closed'"
    trust(DOCUMENTS="open")
    assert check_documents() == []


def test_an_operation_is_listed_with_the_fragments_it_leads_to() -> None:
    unused = "fragment Unused on Album { id }"
    first, second = operations_in([parse(f"{READ} {unused}"), parse(WATCH)])
    names = [item.name.value for item in first.definitions]  # type: ignore[attr-defined]
    assert names == ["Shelf", "ShelfFields", "AlbumFields"]
    assert len(second.definitions) == 1
    assert sha256(SENT) in ids_of("", first)


NAMES = st.sampled_from(["a", "b", "c", "__typename"])


@given(st.permutations(["{ a { b ...F } }", "fragment F on A { c }", "fragment G on A { d }"]))
def test_the_order_of_definitions_means_nothing(parts: list[str]) -> None:
    expected = normal_text(parse("{ a { b ...F } } fragment F on A { c } fragment G on A { d }"))
    assert normal_text(parse(" ".join(parts))) == expected


@given(st.lists(NAMES, min_size=1, max_size=5), st.lists(NAMES, min_size=1, max_size=5))
def test_only_typenames_may_differ(one: list[str], other: list[str]) -> None:
    """Law: two documents mean the same exactly if they select the same beside ``__typename``."""

    def plain(names: list[str]) -> list[str]:
        return [name for name in names if name != "__typename"]

    documents = [parse(f"{{ x {{ {' '.join(names)} }} }}") for names in (one, other)]
    same = normal_text(documents[0]) == normal_text(documents[1])
    assert same == (plain(one) == plain(other))


def test_a_typename_with_an_alias_or_a_directive_is_something_else() -> None:
    texts = ["{ a }", "{ a b: __typename }", "{ a __typename @skip(if: $x) }"]
    assert len({normal_text(parse(text)) for text in texts}) == 3
