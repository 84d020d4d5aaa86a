"""One request and its answer: statuses, media types, methods, origins, streams."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from rxgraph.errors import Unauthenticated
from rxgraph.serve.http import http_application
from tests.serve.shop import ANN, Hooks, Shop, hooks

READ = "{ shelf(albumId: 7) { __typename } }"
WATCH = "subscription { shelf(albumId: 7) { kind } }"
GRAPHQL = "application/graphql-response+json"
FOREIGN = "https://page.example"


async def by_name(credentials: Any) -> Any:
    """Let everybody in but those who say that they are wrong."""
    if credentials.headers.get("x-who") == "wrong":
        raise Unauthenticated("Who is that?")
    return ANN


@pytest.fixture(autouse=True)
def told(settings: Any) -> Iterator[Any]:
    """Settings that say who is who."""
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.by_name"}
    vars(hooks).update(vars(Hooks()))
    yield settings
    vars(hooks).update(vars(Hooks()))


async def ask(method: str = "POST", body: Any = None, **options: Any) -> httpx.Response:
    """Return the answer to one request; *body* is a document, or a whole request."""
    application: Any = http_application(Shop().schema)
    transport = httpx.ASGITransport(application)
    headers = {"content-type": "application/json", **options.pop("headers", {})}
    if isinstance(body, str):
        body = {"query": body}
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    async with httpx.AsyncClient(transport=transport, base_url="http://here.example") as client:
        client.headers.pop("accept")
        return await client.request(method, "/graphql", content=content, headers=headers, **options)


def code_of(answer: httpx.Response) -> Any:
    """Return the code of the first error."""
    assert "data" not in answer.json()
    return answer.json()["errors"][0]["extensions"]["code"]


class TestStatuses:
    """By media type: ``application/json`` means 200 for whatever is a request."""

    @pytest.mark.parametrize(
        ("body", "as_json", "as_graphql"),
        [
            (READ, 200, 200),
            ("{ __typename }", 200, 200),
            ("{", 200, 400),
            ("", 200, 400),
            ("{ nothing }", 200, 400),
            ("query A { __typename } query B { __typename }", 200, 400),
            ({"query": "{ __typename }", "operationName": "A"}, 200, 400),
            ({"query": "query ($a: ID!) { __typename }", "variables": {"a": None}}, 200, 400),
            ({"qeury": "{ __typename }"}, 400, 400),
            (b"{", 400, 400),
            ([{"query": READ}], 400, 400),
            (WATCH, 406, 406),
        ],
    )
    async def test_of_requests(self, body: Any, as_json: int, as_graphql: int) -> None:
        for accept, status in (("application/json", as_json), (GRAPHQL, as_graphql)):
            answer = await ask(body=body, headers={"accept": accept})
            assert answer.status_code == status
            assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
            if as_graphql == 200:
                assert "errors" not in answer.json()
            else:
                assert code_of(answer) == "BAD_REQUEST"

    async def test_a_field_that_fails_is_part_of_an_answer(self) -> None:
        hooks.permission = False
        answer = await ask(body=READ, headers={"accept": GRAPHQL})
        assert answer.status_code == 200
        assert answer.json()["data"] is None
        assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN", "status": 403}

    async def test_wrong_credentials_are_401_in_every_media_type(self) -> None:
        for accept in ("application/json", GRAPHQL, "text/event-stream"):
            answer = await ask(body=READ, headers={"accept": accept, "x-who": "wrong"})
            assert (answer.status_code, code_of(answer)) == (401, "UNAUTHENTICATED")

    async def test_nobody_accepts_what_is_served(self) -> None:
        answer = await ask(body=READ, headers={"accept": "image/png"})
        assert (answer.status_code, code_of(answer)) == (406, "BAD_REQUEST")

    async def test_a_compressed_body_says_what_to_send(self) -> None:
        answer = await ask(body=READ, headers={"content-encoding": "gzip"})
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")

    async def test_nothing_is_kept_or_guessed_by_browsers(self) -> None:
        answer = await ask(body=READ)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "BREW"])
    async def test_only_post_is_served(self, method: str) -> None:
        answer = await ask(method, params={"query": "{ __typename }"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
        assert method == "HEAD" or code_of(answer) == "BAD_REQUEST"

    async def test_a_query_over_get_where_that_is_wanted(self, told: Any) -> None:
        told.RXGRAPH = {**told.RXGRAPH, "QUERIES_OVER_GET": True}
        query = "query ($id: Int!) { shelf(albumId: $id) { id } }"
        answer = await ask("GET", params={"query": query, "variables": '{"id": 7}'})
        assert answer.json()["data"]["shelf"]["id"]
        assert (await ask("HEAD", params={"query": READ})).status_code == 405

    @pytest.mark.parametrize("accept", ["*/*", GRAPHQL, "text/event-stream, */*;q=0.1"])
    @pytest.mark.parametrize(
        ("query", "status"), [("mutation { __typename }", 405), (WATCH, 406), ("{", 200)]
    )
    async def test_nothing_else_over_get(
        self, told: Any, query: str, status: int, accept: str
    ) -> None:
        told.RXGRAPH = {**told.RXGRAPH, "QUERIES_OVER_GET": True}
        answer = await ask("GET", params={"query": query}, headers={"accept": accept})
        assert answer.status_code == (400 if (status, accept) == (200, GRAPHQL) else status)
        assert code_of(answer) == "BAD_REQUEST"


class TestOrigins:
    ASKS: Mapping[str, str] = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-mine",
    }

    async def test_a_page_of_a_foreign_origin_is_told_nothing(self) -> None:
        for method in ("OPTIONS", "POST"):
            answer = await ask(method, READ, headers={"origin": FOREIGN, **self.ASKS})
            assert answer.status_code == (204 if method == "OPTIONS" else 403)
            assert not [name for name in answer.headers if name.startswith("access-control")]

    async def test_a_page_of_an_allowed_origin_may_do_all(self, told: Any) -> None:
        told.RXGRAPH = {**told.RXGRAPH, "ALLOWED_ORIGINS": [FOREIGN]}
        answer = await ask("OPTIONS", headers={"origin": FOREIGN, **self.ASKS})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == FOREIGN
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-allow-headers"].endswith("x-mine")
        assert "POST" in answer.headers["access-control-allow-methods"]
        answer = await ask(body=READ, headers={"origin": FOREIGN})
        assert answer.headers["access-control-allow-origin"] == FOREIGN
        assert answer.headers["vary"] == "Origin"
        other = await ask(body=READ, headers={"origin": "https://other.example"})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers

    async def test_where_every_origin_is_allowed_none_may_use_cookies(self, told: Any) -> None:
        told.RXGRAPH = {**told.RXGRAPH, "ALLOWED_ORIGINS": ["*"]}
        answer = await ask("OPTIONS", headers={"origin": FOREIGN, **self.ASKS})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers

    async def test_a_foreign_page_s_link_uses_no_session(self, told: Any) -> None:
        told.RXGRAPH = {**told.RXGRAPH, "QUERIES_OVER_GET": True}
        for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
            answer = await ask("GET", params={"query": READ}, headers={"sec-fetch-site": site})
            assert answer.status_code == status


class TestStreams:
    async def test_errors_before_execution_are_an_event(self) -> None:
        for query in ("{", "subscription { nothing }"):
            answer = await ask(body=query, headers={"accept": "text/event-stream"})
            assert answer.status_code == 200
            first, last, _ = answer.text.split("\r\n\r\n")
            payload = json.loads(first.removeprefix("event: next\r\ndata: "))
            assert payload["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
            assert last == "event: complete\r\ndata: "

    async def test_a_query_is_one_event(self) -> None:
        answer = await ask(body="{ __typename }", headers={"accept": "text/event-stream"})
        assert answer.text.startswith(
            'event: next\r\ndata: {"data":{"__typename":"Query"}}\r\n\r\n'
        )
        assert answer.text.endswith("event: complete\r\ndata: \r\n\r\n")

    @pytest.mark.parametrize("permission", [False, RuntimeError("secret")])
    async def test_a_refusal_is_an_event_in_whichever_place_the_stream_is_accepted(
        self, permission: Any
    ) -> None:
        hooks.permission = permission
        accept = f"{GRAPHQL}, application/json, text/event-stream, multipart/mixed"
        answer = await ask(body=WATCH, headers={"accept": accept})
        assert answer.headers["content-type"] == "text/event-stream"
        payload = json.loads(answer.text.split("\r\n")[1].removeprefix("data: "))
        code = payload["errors"][0]["extensions"]["code"]
        assert code == ("FORBIDDEN" if permission is False else "INTERNAL")
        assert "secret" not in answer.text
        assert answer.text.endswith("event: complete\r\ndata: \r\n\r\n")
