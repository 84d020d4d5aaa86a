"""The board's application for the tests of the TypeScript client: more doors at the back.

``POST /make`` makes a board of its own and answers its keys and tokens; ``GET /rendered/P/U``
answers what DRF renders of project P for user U, in the form in which GraphQL serves it;
``GET /announce/KIND/MESSAGE`` tells everybody something.
"""

from __future__ import annotations

import json
from typing import Any

from tests.integration.served_asgi import application as _served  # sets Django up

# isort: split
from channels.db import database_sync_to_async

from rxgraph.sync.broadcasting import announce
from tests.integration import board_work


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer at the back doors, or serve the board."""
    if scope["type"] != "http":
        await _served(scope, receive, send)
        return
    door, *arguments = scope["path"].strip("/").split("/")
    if door == "make":
        answer: Any = await database_sync_to_async(board_work.make_board)()
    elif door == "rendered":
        answer = await database_sync_to_async(board_work.expected)(*map(int, arguments))
    elif door == "announce":
        kind, message = arguments
        answer = await database_sync_to_async(announce)(message, kind)
    else:
        await _served(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
