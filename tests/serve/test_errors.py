"""What clients are told when something went wrong, and what they are not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from graphql import GraphQLError, parse
from rest_framework import exceptions as drf

from rxgraph import errors
from rxgraph.serve.errors import formatted, to_graphql_error
from tests.serve.shop import Shop


@pytest.mark.parametrize(
    ("cause", "code", "status"),
    [
        (errors.BadRequest("said"), "BAD_REQUEST", 400),
        (errors.Unauthenticated("said"), "UNAUTHENTICATED", 401),
        (errors.Forbidden("said"), "FORBIDDEN", 403),
        (errors.NotFound("said"), "NOT_FOUND", 404),
        (errors.Conflict("said"), "CONFLICT", 409),
        (errors.RateLimited("said"), "RATE_LIMITED", 429),
        (drf.NotFound("said"), "NOT_FOUND", 404),
        (drf.Throttled(detail="said"), "RATE_LIMITED", 429),
    ],
)
def test_errors_meant_for_clients_keep_their_words(cause, code, status):
    found = formatted(GraphQLError("wrapped", original_error=cause))
    assert "said" in found["message"]
    assert found["extensions"] == {"code": code, "status": status}


def test_django_s_refusal_has_words_of_ours():
    assert formatted(PermissionDenied("internals"))["message"] == "You may not do this"


def test_an_unknown_error_is_masked_and_logged_under_its_id(caplog):
    found = formatted(RuntimeError("password is 1234"))
    assert "1234" not in str(found)
    assert found["extensions"]["code"] == "INTERNAL"
    id_ = found["extensions"]["id"]
    assert found["message"] == f"Internal error {id_}"
    assert id_ in caplog.text
    assert "password is 1234" in caplog.text


def test_a_store_that_is_down_is_not_the_clients_fault(caplog):
    found = formatted(errors.BackendError("mongodb://secret"))
    assert found["extensions"] == {"code": "UNAVAILABLE", "status": 503, "retryAfter": 5}
    assert "secret" not in found["message"]


def test_what_was_mapped_stays_as_it_is(caplog):
    once = to_graphql_error(RuntimeError("x"))
    assert to_graphql_error(once) is once


def test_a_value_that_cannot_be_written_is_internal(caplog):
    field = parse("{ a }").definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]
    error = GraphQLError("Int cannot represent: 1234", nodes=[field], path=["a"])
    assert "1234" not in formatted(error)["message"]


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ("{ shelf(albumId: 7) { nothing } }", "nothing"),
        ("{ shelf(albumId: 7) ", "Expected Name"),
        ('{ shelf(albumId: "x") { id } }', "Int cannot represent"),
        ("{ shelf { id } }", "albumId"),
        ("query ($a: Int!) { shelf(albumId: $a) { id } }", r"\$a"),
        ("{ __schema { types { name } } }", "introspection"),
        ("", "query"),
    ],
)
async def test_a_request_that_is_wrong_is_named(document, names):
    results: Any = await Shop().schema.stream(document, context_value={})
    result = await anext(results)
    assert re.search(names, result.errors[0].message)
    assert result.errors[0].extensions["code"] == "BAD_REQUEST"
    await results.aclose()


async def test_introspection_is_served_where_it_is_asked_for(settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "EXPLORE": True}
    result = await Shop().schema.execute("{ __schema { queryType { name } } }")
    assert result.data == {"__schema": {"queryType": {"name": "Query"}}}
    settings.RXGRAPH = {**settings.RXGRAPH, "EXPLORE": False}
    result = await Shop().schema.execute("{ __schema { queryType { name } } }")
    assert result.errors
