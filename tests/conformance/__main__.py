"""Print the reports of all audits: ``python -m tests.conformance``.

Fails where a MUST or SHOULD does that has no reason to, or where the audits do not know which rule
a server breaks.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.audits import failed, report
from tests.conformance.served import audited_board, served_over_get
from tests.conformance.suites import (
    NOT_WANTED,
    OFF_BY_DEFAULT,
    REFERENCE_FAILS,
    audit_http,
    audit_reference,
    audit_transport_ws,
    faults_not_named,
)


def main() -> int:
    """Audit, print, and return how the process ends."""
    with TemporaryDirectory() as name, audited_board(Path(name)) as board:
        token = board.token("ann")
        found = {
            "GraphQL over HTTP": audit_http(board.server.graphql_url, token),
            "graphql-transport-ws": audit_transport_ws(board),
        }
        with served_over_get(Path(name)) as server:
            found["GraphQL over HTTP, with queries over GET"] = audit_http(
                server.graphql_url, token
            )
    found["graphql-transport-ws, the reference server graphql-ws"] = audit_reference()
    notes = {**OFF_BY_DEFAULT, **NOT_WANTED, **REFERENCE_FAILS}
    for title, findings in found.items():
        _print(report(title, findings, notes))
    count, wrong = faults_not_named(exact=True)
    _print(f"graphql-transport-ws, {count} servers with one fault each:")
    _print(*wrong or ["  each was named by the audits of its rule, and by no other"])
    unexplained = [
        line
        for findings in found.values()
        for line in failed([item for item in findings if item.id not in notes], "MUST", "SHOULD")
    ]
    return bool(unexplained or wrong)


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
