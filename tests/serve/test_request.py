"""Requests as HTTP carries them."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.errors import BadRequest
from rxgraph.serve.refusals import UnsupportedMediaType
from rxgraph.serve.request import GraphQLRequest, from_body, from_url

TYPE = {"content-type": "application/json"}


def test_a_body_is_read_whole() -> None:
    body = {"query": "{a}", "variables": {"b": 1}, "operationName": "c", "extensions": {}, "d": 2}
    assert from_body(json.dumps(body).encode(), TYPE) == GraphQLRequest("{a}", {"b": 1}, "c", {})


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "Application/JSON"])
def test_utf_8_in_any_spelling(kind: str) -> None:
    assert from_body(b'{"query": "{ \xc3\xa4 }"}', {"content-type": kind}).query == "{ ä }"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert from_body(b'\xef\xbb\xbf{"query": "{a}"}', TYPE).query == "{a}"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no Content-Type"),
        ({"content-type": ""}, "Content-Type is"),
        ({"content-type": "text/plain"}, "text/plain"),
        ({"content-type": "application/json5"}, "application/json5"),
        ({"content-type": "multipart/form-data; boundary=x"}, "multipart/form-data"),
        ({"content-type": "application/json; charset=utf-16"}, "utf-16"),
        ({**TYPE, "content-encoding": "gzip"}, "encoded with gzip"),
    ],
)
def test_other_bodies_are_refused_by_name(headers: dict[str, str], words: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=words):
        from_body(b'{"query": "{a}"}', headers)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        ('{"query": "{a}"}'.encode("utf-16"), "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "A list of operations"),
        (b'[{"query": "{a}"}]', "A list of operations"),
        (b"null", "JSON object"),
        (b"{}", "no query"),
        (b'{"query": null}', "no query"),
        (b'{"query": 5}', "query is a text"),
        (b'{"query": "{a}", "variables": []}', "variables is an object"),
        (b'{"query": "{a}", "extensions": "x"}', "extensions is an object"),
        (b'{"query": "{a}", "operationName": 0}', "operationName is a text"),
    ],
)
def test_what_is_no_request_says_why(body: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        from_body(body, TYPE)


def test_a_url_is_read_whole() -> None:
    parameters = {"query": "{a}", "variables": '{"b": "ä"}', "operationName": "", "extensions": ""}
    assert from_url(urlencode(parameters).encode()) == GraphQLRequest("{a}", {"b": "ä"})
    assert from_url(b"query=%7Ba%7D&operationName=null").operation_name == "null"


@pytest.mark.parametrize(
    ("query_string", "words"),
    [
        (b"", "no query"),
        (b"query={a}&query={b}", "query twice"),
        (b"query={a}&variables=5", "variables is an object"),
        (b"query={a}&variables={", "variables is not JSON"),
        (b"query=%ff", "cannot be read"),
        (b"query=\xff", "cannot be read"),
        (b"&".join(b"a%d=1" % number for number in range(50)), "cannot be read"),
    ],
)
def test_what_is_no_url_of_a_request_says_why(query_string: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        from_url(query_string)


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(repr))
def test_anything_is_read_or_refused(data: Any) -> None:
    raw = data if isinstance(data, bytes) else data.encode(errors="replace")
    for read in (lambda: from_body(raw, TYPE), lambda: from_url(raw)):
        with contextlib.suppress(BadRequest):
            read()
