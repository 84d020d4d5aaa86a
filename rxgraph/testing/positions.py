"""Where a cursor stands: for tests that wait until a stream has come that far.

Clients treat cursors as opaque; a test client comes with the server and may look inside.
"""

from __future__ import annotations

from rxgraph.serve.cursor import _HEAD, _VERSION, _body


def position_of(cursor: str) -> tuple[int, int]:
    """Return generation and position: what comes later in one stream is greater.

    Raises:
        BadRequest: it is not a cursor.
    """
    body = _body(cursor)
    if body[0] != _VERSION or len(body) < _HEAD.size:
        return 0, 0
    generation, position = _HEAD.unpack_from(body)[3:5]
    return int(generation), int(position)
