"""One ASGI application: GraphQL at one path over HTTP and WebSocket, Django everywhere else.

``application = with_graphql(get_asgi_application())`` in ``asgi.py`` is all a project writes.
``/healthz``, ``/readyz`` and, where ``RXGRAPH["METRICS_TOKEN"]`` is set, ``/metrics`` are served,
too, unless the project's URLconf has a view of its own there, which then answers.
Nothing of RxGraph is imported before Django is set up, so the order of imports does not matter.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import strawberry

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("rxgraph.serve")


def with_graphql(
    django_application: Any,
    *,
    path: str = "/graphql",
    schema: strawberry.Schema | None = None,
) -> Application:
    """Return an application that serves GraphQL at *path*, and *django_application* elsewhere.

    *schema*: the schema to serve; by default that of all declared channels, built on first use.
    """
    return _Application(django_application, path.rstrip("/"), schema)


class _Application:
    def __init__(self, django: Any, path: str, schema: strawberry.Schema | None) -> None:
        self._django, self._path, self._schema = django, path, schema
        self._is_hooked = False  # SIGTERM drains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif (name := self._asset_name(scope)) is not None:
            from rxgraph.serve.explorer import serve_asset

            await serve_asset(name, scope, send)
        elif self._is_ours(scope):
            await self._serve(scope, receive, send)
        elif (serve := self._page(scope)) is not None:
            await serve(send)
        elif scope["type"] == "websocket":
            await receive()
            await send(
                {"type": "websocket.close", "code": 4404, "reason": "Nothing is served here"}
            )
        else:
            await self._django(scope, receive, send)

    def _serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        from rxgraph.serve import draining
        from rxgraph.serve.http import HTTPConnection
        from rxgraph.serve.websocket import WebSocketConnection

        if not self._is_hooked:  # servers without a lifespan, such as Daphne
            self._is_hooked = True
            draining.hook_sigterm()
        if scope["type"] == "websocket":
            return WebSocketConnection(self._get_schema(), scope, receive, send).serve()
        return HTTPConnection(self._get_schema(), scope, receive, send).serve()

    def _is_ours(self, scope: Scope) -> bool:
        return scope["type"] in ("http", "websocket") and _path(scope).rstrip("/") == self._path

    def _page(self, scope: Scope) -> Callable[[Send], Awaitable[None]] | None:
        """Return what serves a path for operators; None: it is none, or the project's own."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        from rxgraph.settings import get_settings

        settings, path = get_settings(), _path(scope)
        if path == settings.health_path:
            from rxgraph.serve.health import serve_alive as serve
        elif path == settings.ready_path:
            from rxgraph.serve import health

            serve = partial(health.serve_ready, self._get_schema)
        elif path == settings.metrics_path and settings.metrics_token:
            from rxgraph.serve.metrics import serve_metrics

            serve = partial(serve_metrics, scope, settings.metrics_token)
        else:
            return None
        from rxgraph.declare.own_paths import is_own

        return None if is_own(path) else serve

    def _asset_name(self, scope: Scope) -> str | None:
        """Return which file of the explorer page is asked for, None for anything else."""
        prefix = f"{self._path}/explorer/"
        if scope["type"] != "http" or not _path(scope).startswith(prefix):
            return None
        from rxgraph.serve.explorer import asset_name
        from rxgraph.serve.schema import may_explore

        return asset_name(_path(scope).removeprefix(self._path)) if may_explore() else None

    def _get_schema(self) -> strawberry.Schema:
        if self._schema is None:
            from rxgraph.serve.schema import get_schema

            self._schema = get_schema()
        return self._schema

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        from rxgraph.errors import DeclarationError
        from rxgraph.serve import draining, health, runtime, tuning
        from rxgraph.serve.sockets import sockets
        from rxgraph.settings import get_settings

        hook = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._is_hooked, hook = True, draining.hook_sigterm()
                sockets().is_draining = False
                runtime.current()
                try:
                    self._get_schema()
                except DeclarationError as error:
                    logger.error("GraphQL is not served: %s", error)
                if get_settings().tune_interpreter:
                    tuning.tune()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if hook is not None:
                    hook.remove()
                await draining.shut_down()  # where the server did not, and no signal came
                await health.close()
                await runtime.current().close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
