"""What browsers are told about pages of other origins (the CORS part of the Fetch standard).

Nothing, by default: then a browser neither sends such a page's request nor shows it an answer.
Origins in ``ALLOWED_ORIGINS`` may do both, cookies included. ``"*"`` lets every page read what
needs no cookie.
"""

from __future__ import annotations

from collections.abc import Mapping

from rxgraph.serve.origins import patterns
from rxgraph.settings import get_settings

_SECONDS = 600  # a browser remembers a preflight


def cors_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that say who may read it."""
    origin, allowed = headers.get("origin"), get_settings().allowed_origins
    if origin is None or not allowed:
        return {}
    found = patterns(allowed)
    if found.match(origin):
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
    return {"Access-Control-Allow-Origin": "*"} if found.allow_all else {"Vary": "Origin"}


def preflight_headers(headers: Mapping[str, str], methods: str) -> dict[str, str]:
    """Return the headers that answer ``OPTIONS``; *methods*: what is served."""
    found = cors_headers(headers)
    if "Access-Control-Allow-Origin" not in found:
        return found
    return {
        **found,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "")
        or "authorization, content-type",
        "Access-Control-Max-Age": str(_SECONDS),
    }
