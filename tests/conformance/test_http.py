"""GraphQL over HTTP, as the official audits see it."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.audits import failed
from tests.conformance.served import served_over_get
from tests.conformance.suites import OFF_BY_DEFAULT, audit_http
from tests.integration.board import Board

_AUDITS = 61


def test_every_must_and_should_passes_and_every_may_that_is_no_get(board: Board) -> None:
    findings = audit_http(board.server.graphql_url, board.token("ann"))
    assert len(findings) == _AUDITS
    assert failed(findings, "MUST", "SHOULD") == []
    assert {item.id for item in findings if not item.is_ok} == set(OFF_BY_DEFAULT)


def test_with_queries_over_get_every_audit_passes(board: Board) -> None:
    folder = Path(board.server.environ["TEST_SQLITE"]).parent
    with served_over_get(folder) as server:
        findings = audit_http(server.graphql_url, board.token("ann"))
    assert failed(findings, "MUST", "SHOULD", "MAY", "MAY NOT") == []
