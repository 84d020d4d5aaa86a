"""What an answer must look like, whatever was asked."""

from __future__ import annotations

from typing import Any

CODES = {
    *("BAD_REQUEST", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "RATE_LIMITED"),
    "INTERNAL",
}
CLOSE_CODES = {1000, 1007, 1009, 1013, 4400, 4401, 4409, 4429}
STATUSES = {200, 204, 400, 401, 403, 405, 406, 413, 415, 429}


class Finding(AssertionError):
    """The server did what it must not."""


def check_errors(errors: Any) -> str:
    """Return the code of the first of *errors*.

    Raises:
        Finding: they are no list of typed errors, or the server is to blame.
    """
    if not isinstance(errors, list) or not errors:
        raise Finding(f"no errors: {errors!r:.200}")
    for error in errors:
        code = (error.get("extensions") or {}).get("code") if isinstance(error, dict) else None
        if code not in CODES or not isinstance(error.get("message"), str):
            raise Finding(f"an error that is not typed: {error!r:.300}")
        if code == "INTERNAL":
            raise Finding(f"INTERNAL: {error!r:.300}")
    found: str = errors[0]["extensions"]["code"]
    return found


def check_result(payload: Any) -> str:
    """Return ``DATA``, or the code of the first error of a result."""
    if not isinstance(payload, dict) or not {"data", "errors"} & set(payload):
        raise Finding(f"no result: {payload!r:.200}")
    return check_errors(payload["errors"]) if "errors" in payload else "DATA"
