"""GraphQL over HTTP: POST with JSON, one answer or, when asked for, Server-Sent Events.

https://graphql.github.io/graphql-over-http. Every answer is JSON with ``errors`` where something
went wrong. What cannot be read as a request has a status of HTTP; what can has 200 as
``application/json``, and the status of its errors as ``application/graphql-response+json``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from rxgraph.errors import RequestError, TooLarge
from rxgraph.serve import media, sse
from rxgraph.serve.auth import Credentials, identify
from rxgraph.serve.connection import Headers, cut, headers_of, request_credentials
from rxgraph.serve.cors import cors_headers, preflight_headers
from rxgraph.serve.ending import ended
from rxgraph.serve.errors import formatted, to_graphql_error
from rxgraph.serve.explorer import page_headers, render_page
from rxgraph.serve.messages import encode, encode_text
from rxgraph.serve.operation import is_request_error, payload_of
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.refusals import MethodNotAllowed, NotAcceptable, Refusal, Restarting
from rxgraph.serve.request import GraphQLRequest, from_body, from_url
from rxgraph.serve.schema import may_explore
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.sockets import RESTARTING, sockets
from rxgraph.settings import get_settings

logger = logging.getLogger("rxgraph.http")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_NO_STREAM = f"A subscription needs a WebSocket, or Accept: {media.EVENT_STREAM}"
_NO_RESERVATIONS = "; there are no reservations: each stream has a connection of its own"


class HTTPConnection:
    """One request and its answer."""

    __slots__ = (
        "_answering",
        "_has_begun",
        "_operation",
        "_receive",
        "_send",
        "asked_at",
        "headers",
        "heard_at",
        "schema",
        "scope",
        "stalled_at",
    )

    def __init__(
        self, schema: strawberry.Schema, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.schema, self.scope, self._receive, self._send = schema, scope, receive, send
        self.headers: Headers = headers_of(scope)
        self._operation = OperationScope()
        self._has_begun = False
        self._answering: asyncio.Task[None] | None = None
        self.heard_at = self.asked_at = math.inf
        self.stalled_at: float | None = None

    async def serve(self) -> None:
        """Answer, or stop answering when the client is gone."""
        try:
            body = await self._body()
        except TooLarge as error:
            await self._send_error(error, error.status, {"Connection": "close"})
            return
        if body is None:
            return
        answer = self._answering = asyncio.create_task(self._answer(body))
        gone = asyncio.create_task(self._gone())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and not answer.cancelled():
                answer.result()
        except OSError as error:  # what ASGI servers raise when the client is gone
            logger.debug("a client went away: %r", error)
        finally:
            await ended([answer, gone])
            await self._operation.close()
            sockets().discard(self)

    async def _body(self) -> bytes | None:
        """Return what the client sends; None: it went away meanwhile.

        Raises:
            TooLarge: it sends more than it may; the rest is not read.
        """
        parts, has_more, size = [], True, 0
        most = get_settings().message_bytes
        told = self.headers.get("content-length", "")
        if most is not None and told.isdecimal() and len(told) < 20 and int(told) > most:
            raise TooLarge("Bytes of the body", int(told), most)
        while has_more:
            message = await self._receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if most is not None and size > most:
                raise TooLarge("Bytes of the body", size, most)
            has_more = message.get("more_body", False)
        return b"".join(parts)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, body: bytes) -> None:
        try:
            await self._serve_method(body)
        except Refusal as error:
            await self._send_error(error, error.status, error.headers)
        except RequestError as error:
            await self._send_error(error, error.status)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            if self._has_begun:
                formatted(error)  # logged; a stream that broke says no more
            else:
                await self._send_error(error, 500)

    async def _serve_method(self, body: bytes) -> None:
        method = self.scope["method"].upper()
        is_open = get_settings().queries_over_get
        methods = "GET, POST, OPTIONS" if is_open else "POST, OPTIONS"
        if method == "OPTIONS":
            headers = {"Allow": methods, **preflight_headers(self.headers, methods)}
            await self._send_whole(204, b"", headers)
        elif method == "POST":
            credentials = await request_credentials(self.scope)
            request = from_body(body, self.headers)
            await self._execute(request, {OperationType.MUTATION}, credentials)
        elif method == "GET" and self._wants_page():
            page = render_page(self.schema, self.scope["path"])
            await self._send_whole(200, page, page_headers())
        elif method == "GET" and is_open:
            credentials = await request_credentials(self.scope)
            await self._execute(from_url(self.scope["query_string"]), set(), credentials)
        else:
            more = _NO_RESERVATIONS if method == "PUT" else ""
            raise MethodNotAllowed(
                f"GraphQL is served over POST, not {method[:20]}{more}", {"Allow": methods}
            )

    def _wants_page(self) -> bool:
        return may_explore() and "text/html" in self.headers.get("accept", "")

    async def _execute(
        self, request: GraphQLRequest, more: set[OperationType], credentials: Credentials
    ) -> None:
        """Answer *request*: a query, or an operation of *more* types.

        Raises:
            RequestError: it cannot be answered.
        """
        accepted = media.accepted(self.headers.get("accept"))
        if not accepted:
            raise NotAcceptable(f"Answers are {media.JSON} or {media.GRAPHQL_JSON}; accept one")
        context = {
            "request": self,
            "headers": self.headers,
            "scope": self._operation,
            "identity": await identify(credentials),
            TEXTS: True,
        }
        may_stream = media.EVENT_STREAM in accepted and OperationType.MUTATION in more
        if may_stream and accepted[0] == media.EVENT_STREAM:
            await self._stream(request, context)
            return
        kind = next((item for item in accepted if item != media.EVENT_STREAM), None)
        if kind is None:
            raise NotAcceptable(f"Streams are served over POST; here, accept {media.JSON}")
        try:
            payload, status = await self._result(request, context, {OperationType.QUERY, *more})
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise MethodNotAllowed("Send a mutation over POST", {"Allow": "POST"}) from None
            if not may_stream:
                raise NotAcceptable(_NO_STREAM) from None
            await self._stream(request, context)
            return
        await self._send_whole(
            status if kind == media.GRAPHQL_JSON else 200,
            encode_text(payload).encode(),
            {"Content-Type": f"{kind}; charset=utf-8"},
        )

    async def _result(
        self, request: GraphQLRequest, context: Any, allowed: set[OperationType]
    ) -> tuple[dict[str, Any], int]:
        """Return the answer to *request*, and its status where statuses mean something."""
        try:
            result: Any = await self.schema.execute(
                request.query,
                variable_values=request.variables,
                context_value=context,
                operation_name=request.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request.extensions,
            )
        except (CannotGetOperationTypeError, MissingQueryError) as error:
            result = ExecutionResult(data=None, errors=[to_graphql_error(error)])
        payload = payload_of(result)
        return payload, _status_of(payload) if is_request_error(result) else 200

    async def _stream(self, request: GraphQLRequest, context: Any) -> None:
        here = sockets()
        if here.is_draining:
            raise Restarting(RESTARTING[1], {"Retry-After": "1"})
        results: Any = await self.schema.stream(
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=request.operation_name,
            operation_extensions=request.extensions,
        )
        await self._start(200, {**sse.HEADERS, **cors_headers(self.headers)})
        here.add(self)
        self.heard_at = math.inf  # nobody says anything on this way: the stream has heartbeats
        await sse.send_events(results, self._send_event)
        await self._send_part(b"", has_more=False)

    # -- writing

    async def _send_error(
        self, error: Exception, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        kinds = media.accepted(self.headers.get("accept"))
        kind = media.GRAPHQL_JSON if kinds[:1] == [media.GRAPHQL_JSON] else media.JSON
        body = encode({"errors": [formatted(error)]})
        await self._send_whole(
            status, body, {"Content-Type": f"{kind}; charset=utf-8", **(headers or {})}
        )

    async def _send_whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        length = {} if status == 204 else {"Content-Length": str(len(body))}
        await self._start(status, {**_ALWAYS, **cors_headers(self.headers), **headers, **length})
        await self._send_part(b"" if self.scope["method"] == "HEAD" else body, has_more=False)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self._has_begun = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _send_part(self, part: bytes, *, has_more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": has_more})

    async def _send_event(self, part: bytes) -> None:
        self.stalled_at = time.monotonic()
        await self._send_part(part)
        self.stalled_at = None

    # -- what looks after all that is open asks of a stream

    @property
    def is_busy(self) -> bool:
        """True while an action runs that the stream is told of."""
        live = self._operation.live
        return live is not None and live.is_acting

    def ask(self) -> None:
        """Do nothing: a client of HTTP cannot answer."""

    def let_go(self, code: int, reason: str) -> None:
        """End the stream without a word, so that its client connects again."""
        if not cut(self._send) and self._answering is not None:
            self._answering.cancel()


def _status_of(payload: Mapping[str, Any]) -> int:
    """Return the status of a request that was not executed: that of its first error."""
    status: int = payload["errors"][0]["extensions"]["status"]
    return status


def http_application(
    schema: strawberry.Schema,
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return an ASGI application that serves *schema* over HTTP."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await HTTPConnection(schema, scope, receive, send).serve()

    return serve
