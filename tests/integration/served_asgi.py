"""The board's application, with a back door for tests: writes and facts of this very process.

``POST /test`` takes a list of operations and runs them in one transaction; ``GET /test`` answers
what the process holds.
"""

from __future__ import annotations

import asyncio
import json
import os
from importlib import import_module
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integration.served_settings")

from channels.db import database_sync_to_async
from django.core.asgi import get_asgi_application

_django = get_asgi_application()

from django.apps import apps  # noqa: E402
from django.db import transaction  # noqa: E402

from benchmarks.project.usage import usage  # noqa: E402
from rxgraph.asgi import with_graphql  # noqa: E402
from rxgraph.serve import runtime  # noqa: E402
from rxgraph.serve.sockets import sockets  # noqa: E402


def write(operations: list[dict[str, Any]]) -> list[Any]:
    """Run *operations* in one transaction; return the primary keys they touched, or answers."""
    with transaction.atomic():
        return [_write_one(**operation) for operation in operations]


def _write_one(op: str, model: str, pk: Any = None, data: dict[str, Any] | None = None) -> object:
    if op == "call":
        module, name = model.split(":")
        answer: object = getattr(import_module(module), name)(**(data or {}))
        return answer
    manager = apps.get_model(model)._default_manager
    if op == "create":
        return manager.create(**(data or {})).pk
    if op == "update":
        return manager.filter(pk=pk).update(**(data or {}))
    instance = manager.get(pk=pk)
    if op == "delete":
        instance.delete()
        return pk
    for name, value in (data or {}).items():
        setattr(instance, name, value)
    instance.save()
    return pk


def facts() -> dict[str, Any]:
    """Return what this process holds for its viewers; tasks: but for those that serve them all."""
    here = runtime.current()
    listener = here.backend._listener
    names = {task.get_name() for task in asyncio.all_tasks() - set(here._tasks)}
    names -= {task.get_name() for task in getattr(listener, "_tasks", ())}
    return {
        "replicas": sorted(key.anchor_id for key in here.hub.replicas),
        "contexts": len(here.contexts),
        "groups": len(getattr(listener, "_members", ())),
        "rss_bytes": usage()["rss_bytes"],
        "stalled": sum(socket.stalled_at is not None for socket in sockets()),
        "tasks": sorted(name for name in names if name.startswith("rxgraph")),
    }


async def _back_door(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["method"] == "POST":
        answer: Any = await database_sync_to_async(write)(json.loads(body))
    else:
        answer = facts()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def _elsewhere(scope: Any, receive: Any, send: Any) -> None:
    serve = _back_door if scope["path"] == "/test" else _django
    await serve(scope, receive, send)


application = with_graphql(_elsewhere)
