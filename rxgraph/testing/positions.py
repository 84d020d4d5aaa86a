"""Where a cursor stands: for tests that wait until a stream has come that far.

Clients treat cursors as opaque; a test client comes with the server and may look inside, where it
has the server's ``SECRET_KEY``.
"""

from __future__ import annotations

from rxgraph.serve.cursor import _HEAD, opened


def position_of(cursor: str) -> tuple[int, int]:
    """Return generation and position: what comes later in one stream is greater.

    Raises:
        BadRequest: it is not a cursor.
    """
    plain = opened(cursor)
    if plain is None:
        return 0, 0
    generation, position = _HEAD.unpack_from(plain)[2:4]
    return int(generation), int(position)
