"""Which media type an answer has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve.media import EVENT_STREAM, GRAPHQL_JSON, JSON, accepted, parse

ALL = {JSON, GRAPHQL_JSON, EVENT_STREAM}


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        (None, [JSON, GRAPHQL_JSON]),
        ("", [JSON, GRAPHQL_JSON]),
        ("*/*", [JSON, GRAPHQL_JSON]),
        ("application/*", [JSON, GRAPHQL_JSON]),
        ("text/*", []),
        (JSON, [JSON]),
        (GRAPHQL_JSON, [GRAPHQL_JSON]),
        ("APPLICATION/JSON ; Charset=UTF-8", [JSON]),
        ('application/json; charset="utf-8"', [JSON]),
        ("application/json; charset=latin-1", []),
        # Apollo Client, urql, graphql-sse, a browser
        ("application/graphql-response+json,application/json;q=0.9", [GRAPHQL_JSON, JSON]),
        (
            "application/graphql-response+json, application/graphql+json, application/json,"
            " text/event-stream, multipart/mixed",
            [GRAPHQL_JSON, JSON, EVENT_STREAM],
        ),
        ("text/event-stream", [EVENT_STREAM]),
        ("text/html,application/xhtml+xml,*/*;q=0.8", [JSON, GRAPHQL_JSON]),
        ("application/json;q=0.2, application/graphql-response+json;q=0.3", [GRAPHQL_JSON, JSON]),
        ("application/json;q=0, */*", [GRAPHQL_JSON]),
        ("application/json;q=much", []),
        ("application/json;q=7", []),
        ("application/json;q=nan", []),
        ("text/plain", []),
        (",,;;,", []),
        ('x/y;a="application/json,application/json"', []),
    ],
)
def test_what_an_accept_header_accepts(accept: str | None, found: list[str]) -> None:
    assert accepted(accept) == found


@given(st.text())
def test_any_header_is_read(text: str) -> None:
    assert set(accepted(text)) <= ALL
    parse(text)
