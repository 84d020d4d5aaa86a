"""The shape of what was asked for: how much it is, and what tells it from something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.writing import WriteRequest
from rxgraph.sync.writing.outcome import error
from rxgraph.sync.writing.repeats import ID_LENGTH


def content(
    compiled: CompiledChannel, anchor_id: str | None, requests: Sequence[WriteRequest], limit: int
) -> bytes:
    """Return all that was asked for as bytes, the same for the same.

    Raises:
        Refused: it is more than *limit* bytes, or nothing that JSON can hold.
    """
    asked = [
        [
            request.spec.field_name,
            request.id,
            request.parent.key if request.parent else None,
            request.parent_id,
            request.expected_version,
            request.data,
        ]
        for request in requests
    ]
    try:
        text = json.dumps(
            [compiled.name, anchor_id, asked], sort_keys=True, default=_plain, ensure_ascii=False
        )
    except (TypeError, ValueError, RecursionError) as cause:
        raise error("BAD_REQUEST", "The input holds what cannot be written as JSON") from cause
    found = text.encode(errors="surrogatepass")
    if len(found) > limit:
        raise error("BAD_REQUEST", f"The input is longer than {limit} bytes")
    return found


def check_id(client_mutation_id: Any) -> None:
    """Return if *client_mutation_id* may be one.

    Raises:
        Refused: it is no text, empty, or too long.
    """
    is_text = isinstance(client_mutation_id, str) and client_mutation_id.isprintable()
    if not is_text or not 1 <= len(client_mutation_id) <= ID_LENGTH:
        text = f"clientMutationId is text of 1 to {ID_LENGTH} printable characters"
        raise error("BAD_REQUEST", text)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    size = getattr(value, "size", None)  # an uploaded file
    return [str(value), size] if isinstance(size, int) else str(value)
