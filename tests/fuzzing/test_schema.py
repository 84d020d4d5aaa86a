"""Valid operations of the whole schema, as schemathesis and hypothesis-graphql make them."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from tests.fuzzing.oracle import STATUSES, check_result
from tests.fuzzing.target import Target
from tests.integration.servers import ROOT

SCHEMA = ROOT / "schema" / "schema.graphql"

#: Examples for each root field; more of them by the environment.
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))

_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Cursor": st.text(max_size=20).map(nodes.String),
    "Date": st.dates().map(str).map(nodes.String),
    "DateTime": st.datetimes().map(lambda moment: nodes.String(moment.isoformat() + "Z")),
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False).map(str).map(nodes.String),
    "Duration": st.timedeltas().map(str).map(nodes.String),
    "JSON": st.text(max_size=20).map(nodes.String),
    "BigInt": st.integers().map(str).map(nodes.String),
}


for _name, _strategy in _SCALARS.items():
    schemathesis.graphql.scalar(_name, _strategy)

_SCHEMA = schemathesis.graphql.from_path(SCHEMA)
_FIELDS = [
    f"{kind.name}.{name}"
    for kind in (_SCHEMA.client_schema.query_type, _SCHEMA.client_schema.mutation_type)
    if kind is not None
    for name in kind.fields
]


@pytest.mark.parametrize("field", _FIELDS)
def test_a_valid_operation_is_answered(asked: Target, field: str) -> None:
    kind, _, name = field.partition(".")
    operation = _SCHEMA[kind][name]
    headers = {"Authorization": f"Token {asked.board.token('ann')}"}

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        answer = httpx.post(
            asked.board.server.graphql_url, json={"query": case.body}, headers=headers, timeout=30
        )
        assert answer.status_code in STATUSES
        check_result(answer.json())
        assert asked.new_troubles() == []

    ask()
