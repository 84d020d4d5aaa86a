"""Print the reports of all audits: ``python -m tests.conformance``; fails with a MUST or SHOULD."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.audits import failed, report
from tests.conformance.served import audited_board, served_over_get
from tests.conformance.suites import OFF_BY_DEFAULT, audit_http


def main() -> int:
    """Audit, print, and return how the process ends."""
    with TemporaryDirectory() as name, audited_board(Path(name)) as board:
        token = board.token("ann")
        found = {"GraphQL over HTTP": audit_http(board.server.graphql_url, token)}
        with served_over_get(Path(name)) as server:
            found["GraphQL over HTTP, with queries over GET"] = audit_http(
                server.graphql_url, token
            )
    for title, findings in found.items():
        sys.stdout.write(report(title, findings, OFF_BY_DEFAULT) + "\n")
    return any(failed(findings, "MUST", "SHOULD") for findings in found.values())


if __name__ == "__main__":
    sys.exit(main())
