"""GraphQL over HTTP: POST with JSON, one answer or, when asked for, Server-Sent Events.

Every answer is JSON with ``errors`` where something went wrong. A client that goes away ends its
operation: Channels would not notice while an answer streams, so reading ``http.disconnect`` races
with answering.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any

import strawberry
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from strawberry.channels import GraphQLHTTPConsumer
from strawberry.channels.handlers.http_handler import (
    ChannelsRequest,
    ChannelsResponse,
    MultipartChannelsResponse,
)
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLRequestData
from strawberry.http.temporal_response import TemporalResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from rxgraph.errors import BadRequest, Forbidden, RequestError
from rxgraph.serve.auth import identify
from rxgraph.serve.connection import (
    NO_CHANNEL_LAYER,
    credentials_of,
    headers_of,
    is_allowed_origin,
)
from rxgraph.serve.errors import formatted
from rxgraph.serve.explorer import page_headers, render_page
from rxgraph.serve.messages import decode, encode
from rxgraph.serve.planning import TEXTS
from rxgraph.serve.schema import may_explore
from rxgraph.serve.scope import OperationScope

logger = logging.getLogger("rxgraph.http")

_JSON = "application/json; charset=utf-8"


class HTTPConsumer(GraphQLHTTPConsumer[Any, Any]):
    """One request."""

    channel_layer_alias = NO_CHANNEL_LAYER
    allow_queries_via_get = False

    def __init__(self, schema: strawberry.Schema) -> None:
        super().__init__(
            schema=schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_SSE_PROTOCOL],
        )
        self._operation = OperationScope()
        self._has_begun = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the request."""
        self._receive = receive
        await super().__call__(scope, receive, send)

    async def handle(self, body: bytes) -> None:
        """Answer, or stop answering when the client is gone."""
        answer = asyncio.create_task(self._answer(body))
        gone = asyncio.create_task(self._gone())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
        finally:
            for task in (answer, gone):
                task.cancel()
            await asyncio.wait({answer, gone})
            await self._operation.close()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, body: bytes) -> None:
        headers = headers_of(self.scope)
        method = self.scope["method"].upper()
        if method == "GET" and may_explore() and "text/html" in headers.get("accept", ""):
            await self._send(200, render_page(self.schema, self.scope["path"]), page_headers())
            return
        if method != "POST":
            error = BadRequest(f"GraphQL is served over POST, not {method}")
            await self._send_error(error, 405, {"Allow": "POST"})
            return
        try:
            await self._post(ChannelsRequest(consumer=self, body=body), headers)
        except HTTPException as error:
            await self._send_error(BadRequest(str(error.reason)), error.status_code)
        except RequestError as error:
            await self._send_error(error, error.status)
        except Exception as error:  # noqa: BLE001  # mapped, logged, and told to the client
            if self._has_begun:
                formatted(error)  # logged; a stream that broke says no more
            else:
                await self._send_error(error, 500)

    async def _post(self, request: ChannelsRequest, headers: Mapping[str, str]) -> None:
        credentials = credentials_of(headers)
        if not is_allowed_origin(headers) and credentials.token is None:
            raise Forbidden(
                f"Pages of {headers['origin']} may not use a session here;"
                " send a token, or add the origin to RXGRAPH['ALLOWED_ORIGINS']"
            )
        context = {
            "request": request,
            "headers": headers,
            "scope": self._operation,
            "identity": await identify(credentials),
            TEXTS: True,
        }
        response = await self.run(request, context=context)
        if isinstance(response, MultipartChannelsResponse):
            await self._stream(response)
        else:
            assert isinstance(response, ChannelsResponse)
            await self._send(response.status, response.content, {"Content-Type": _JSON})

    async def _stream(self, response: MultipartChannelsResponse) -> None:
        self._has_begun = True
        await self.send_headers(headers=list(response.headers.items()))
        async with contextlib.aclosing(response.stream()) as chunks:
            async for chunk in chunks:
                await self.send_body(chunk.encode(), more_body=True)
        await self.send_body(b"", more_body=False)

    async def _send_error(
        self, error: Exception, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        body = encode({"errors": [formatted(error)]})
        await self._send(status, body, {"Content-Type": _JSON, **(headers or {})})

    async def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._has_begun = True
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send_response(status, body, headers=raw)

    async def execute_single(
        self,
        request: ChannelsRequest,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: TemporalResponse,
        context: Any,
        root_value: Any,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run one query or mutation.

        Raises:
            BadRequest: it is neither.
        """
        try:
            return await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types={OperationType.QUERY, OperationType.MUTATION},
                operation_extensions=request_data.extensions,
            )
        except InvalidOperationTypeError:
            raise BadRequest(
                "A subscription needs a WebSocket, or Accept: text/event-stream"
            ) from None
        except CannotGetOperationTypeError as error:
            raise BadRequest(error.as_http_error_reason()) from None
        except MissingQueryError:
            raise BadRequest("The request has no GraphQL query") from None

    async def get_sub_response(self, request: ChannelsRequest) -> TemporalResponse:
        """Return what nothing is put into."""
        return TemporalResponse()

    def decode_json(self, data: str | bytes) -> object:
        """Read a body; it is an object.

        Raises:
            JSONDecodeError: it is not JSON.
        """
        found = decode(data)
        if not isinstance(found, dict):
            raise JSONDecodeError("Not an object", str(data), 0)
        return found

    def encode_json(self, data: object) -> bytes:
        """Write an answer."""
        return encode(data)
