"""What is audited, and which audits are not passed on purpose, with the reason."""

from __future__ import annotations

from rxgraph.testing import document_for, query_for
from tests.conformance.audits import Finding, run_audits, run_lines
from tests.conformance.odd.channels import SLOW_SECONDS
from tests.conformance.served import OPEN
from tests.integration.board import Board

_OVER_GET = 'Queries over GET are off unless RXGRAPH["QUERIES_OVER_GET"] is on.'

#: Audits of GraphQL over HTTP that the default settings fail. All of them are MAYs.
OFF_BY_DEFAULT = {"5A70": _OVER_GET, "D6D5": _OVER_GET, "6A70": _OVER_GET}

#: Audits of graphql-transport-ws that we fail.
NOT_WANTED = {
    "init/rejected-4403": (
        "Wrong credentials close with 4401: the client graphql-ws gives up on 4401, which is right"
        " for them, and tries again after 4403."
    )
}

_PARSES = "It parses outside of what it catches, and closes with 4500 (graphql-ws 6.4)."
_THROWS = "It closes with 4500 where the protocol says 4400 (graphql-ws 6.4)."

#: Audits of graphql-transport-ws that the reference server fails. All of them are SHOULDs.
REFERENCE_FAILS = {
    "operation/syntax-error": _PARSES,
    "operation/empty-query": _PARSES,
    "message/from-server-connection_ack-4400": _THROWS,
    "message/from-server-next-4400": _THROWS,
    "message/from-server-error-4400": _THROWS,
}

_SAVE = """mutation ($project: Int!, $id: ID!, $title: String!) {
  projectSaveTask(projectId: $project, id: $id, data: {title: $title}) { task { id title } }
}"""


def audit_http(url: str, token: str) -> list[Finding]:
    """Return what the audits of the npm package graphql-http find."""
    return run_audits("http.mjs", url=url, headers={"Authorization": f"Token {token}"})


def audit_transport_ws(board: Board) -> list[Finding]:
    """Return what our audits of graphql-transport-ws find."""
    save = {"project": board.project, "id": str(board.task), "title": "audited"}
    return run_audits(
        "transport_ws.mjs",
        url=board.server.websocket_url,
        connectionParams={"Authorization": f"Token {board.token('ann')}"},
        badConnectionParams={"Authorization": "Token wrong"},
        query={"query": query_for(board.sdl, "project"), "variables": board.variables},
        mutation={"query": _SAVE, "variables": save},
        subscription={"query": document_for(board.sdl, "project"), "variables": board.variables},
        finite={"query": 'subscription { brief(name: "a") { kind } }'},
        slow={"query": '{ slow(name: "a") { id } }'},
        slowMs=int(2000 * SLOW_SECONDS),
        initTimeoutMs=int(1000 * OPEN["INIT_TIMEOUT_SECONDS"]),
        patienceMs=8000,
    )


def audit_reference() -> list[Finding]:
    """Return what our audits of graphql-transport-ws find at the reference server."""
    return run_audits("transport_ws.mjs", reference=True)


def faults_not_named(*, exact: bool = False) -> tuple[int, list[str]]:
    """Return how many broken servers there are, and what the audits say wrongly of each."""
    rows = run_lines("transport_ws.mjs", faults=True, exact=exact)
    wrong = [
        f"{row['name']}: not named {row['missing']}, named {row['unexpected']}"
        for row in rows
        if row["missing"] or row["unexpected"]
    ]
    return len(rows), wrong
