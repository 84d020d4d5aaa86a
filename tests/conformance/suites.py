"""What is audited, and which audits a safe default does not pass, with the reason."""

from __future__ import annotations

from tests.conformance.audits import Finding, run_audits

_OVER_GET = 'Queries over GET are off unless RXGRAPH["QUERIES_OVER_GET"] is on.'

#: Audits of GraphQL over HTTP that the default settings fail. All of them are MAYs.
OFF_BY_DEFAULT = {"5A70": _OVER_GET, "D6D5": _OVER_GET, "6A70": _OVER_GET}


def audit_http(url: str, token: str) -> list[Finding]:
    """Return what the audits of the npm package graphql-http find."""
    return run_audits("http.mjs", url=url, headers={"Authorization": f"Token {token}"})
