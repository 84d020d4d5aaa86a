"""graphql-transport-ws, as our audits see it: our server, the reference, and broken servers."""

from __future__ import annotations

from tests.conformance.audits import failed
from tests.conformance.suites import (
    NOT_WANTED,
    REFERENCE_FAILS,
    audit_reference,
    audit_transport_ws,
    faults_not_named,
)
from tests.integration.board import Board

_AUDITS = 99
_FAULTS = 72


def test_our_server_passes_what_it_wants_to(board: Board) -> None:
    findings = audit_transport_ws(board)
    assert len(findings) == _AUDITS
    found = failed(findings, "MUST", "SHOULD", "MAY")
    assert {item.id for item in findings if not item.is_ok} == set(NOT_WANTED), found


def test_the_reference_server_passes_every_must(board: Board) -> None:
    findings = audit_reference()
    assert failed(findings, "MUST", "MAY") == []
    assert {item.id for item in findings if not item.is_ok} <= set(REFERENCE_FAILS)


def test_a_server_with_a_fault_fails_the_audits_of_its_rule() -> None:
    """``scripts/test conformance`` proves that it fails no other audit, which takes longer."""
    assert faults_not_named() == (_FAULTS, [])
