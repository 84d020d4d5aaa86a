"""The board's application, whose back door also clears caches and tells of them.

``POST /clear?7`` (or ``/clear-sync?7``) calls ``ProjectChannel.clear_cache`` in the server's own
process; ``GET /phases`` answers the phase of each anchor there.
"""

from __future__ import annotations

import json
from typing import Any

from tests.integration.served_asgi import application as _board

# isort: split
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async

from channels_app.channels import ProjectChannel
from rxgraph.sync.engine import get_engine


def _clear(project_id: str) -> bool:
    return async_to_sync(ProjectChannel.clear_cache)(project_id)


def _phases() -> dict[str, str]:
    records = get_engine().store.list_anchors()
    return {key.anchor_id: str(anchor.phase) for key, anchor in records if key.anchor_id}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve."""
    argument = scope.get("query_string", b"").decode()
    match scope.get("path"):
        case "/clear":
            answer: Any = await ProjectChannel.clear_cache(argument)
        case "/clear-sync":
            answer = await database_sync_to_async(_clear)(argument)
        case "/phases":
            answer = await database_sync_to_async(_phases)()
        case _:
            await _board(scope, receive, send)
            return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
