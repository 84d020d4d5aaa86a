"""The explorer page: what browsers get at the GraphQL URL, its files, its ready operations."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import override_settings
from graphql import GraphQLSchema, get_operation_ast, parse, validate
from graphql.execution.values import get_variable_values

from rxgraph.asgi import with_graphql
from rxgraph.serve.explorer.assets import FOLDER, assets, version
from rxgraph.serve.explorer.operations import ready_channels
from rxgraph.serve.schema import get_schema

EXPLORED = {"STORE": "memory://", "EXPLORE": True}
HTML = {"accept": "text/html,*/*"}


@pytest.fixture
def _explored():
    with override_settings(RXGRAPH=EXPLORED):
        yield


@pytest.fixture
def schema() -> GraphQLSchema:
    return get_schema()._schema


async def ask(
    path: str, headers: dict[str, str] | None = None, method: str = "GET", mounted: str = "/graphql"
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer to one request."""

    async def django(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"Django"})

    application = with_graphql(django, path=mounted)
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await communicator.receive_output(10)
    body = b""
    while True:
        part = await communicator.receive_output(10)
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    await communicator.wait(5)
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], found, body


def addresses(page: bytes) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page.decode())


@pytest.mark.usefixtures("_explored")
class TestPage:
    async def test_a_browser_gets_graphiql_under_a_policy_without_inline_scripts(self):
        status, headers, body = await ask("/graphql", HTML)
        policy = dict(item.split(" ", 1) for item in headers["content-security-policy"].split("; "))
        assert status == 200
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert re.findall(rb"<script(?![^>]*(?:src=|application/json))", body) == []

    @pytest.mark.parametrize(
        ("path", "mounted", "base"),
        [
            ("/graphql", "/graphql", "graphql/explorer/"),
            ("/graphql/", "/graphql", "explorer/"),
            ("/api/live", "/api/live", "live/explorer/"),
            ("/", "/", "explorer/"),
        ],
    )
    async def test_all_it_names_is_served_from_where_it_is_named(self, path, mounted, base):
        _, _, body = await ask(path, HTML, mounted=mounted)
        found = addresses(body)
        assert len(found) == 3
        for address in found:
            assert address.startswith(f"{base}{version()}/")
            status, _, _ = await ask(f"{path.rpartition('/')[0]}/{address}", mounted=mounted)
            assert status == 200

    async def test_its_data_cannot_end_its_block(self, monkeypatch):
        from rxgraph.serve.explorer import page

        monkeypatch.setattr(page, "ready_channels", lambda schema: ["</script><script>"])
        page._data.cache_clear()
        text = page._data(get_schema())
        page._data.cache_clear()
        assert "<" not in text
        assert json.loads(text) == {"channels": ["</script><script>"]}

    async def test_a_copy_without_the_built_files_says_what_is_served(self, monkeypatch):
        from rxgraph.serve.explorer import page

        monkeypatch.setattr(page, "assets", dict)
        _, _, body = await ask("/graphql", HTML)
        assert b"POST /graphql" in body

    async def test_clients_that_want_json_are_told_to_post(self):
        status, headers, _ = await ask("/graphql", {"accept": "application/json"})
        assert (status, headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.usefixtures("_explored")
class TestFiles:
    def path(self, name: str = "explorer.js") -> str:
        return f"/graphql/explorer/{version()}/{name}"

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("explorer.js", "text/javascript; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
            ("codicon.ttf", "font/ttf"),
            ("worker-graphql.worker.js", "text/javascript; charset=utf-8"),
        ],
    )
    async def test_they_have_types_and_are_kept_for_ever(self, name, media_type):
        status, headers, body = await ask(self.path(name))
        assert status == 200
        assert headers["content-type"] == media_type
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["x-content-type-options"] == "nosniff"
        assert body == (FOLDER / name).read_bytes()
        assert int(headers["content-length"]) == len(body)

    async def test_they_are_packed_for_browsers_that_unpack(self):
        _, headers, body = await ask(self.path(), {"accept-encoding": "br, gzip;q=0.8"})
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "accept-encoding")
        assert gzip.decompress(body) == assets()["explorer.js"].content
        assert len(body) < len(assets()["explorer.js"].content) / 2

    async def test_what_a_browser_has_is_not_sent_again(self):
        _, headers, _ = await ask(self.path())
        status, _, body = await ask(self.path(), {"if-none-match": f'"x", {headers["etag"]}'})
        assert (status, body) == (304, b"")

    async def test_head_tells_the_length_alone(self):
        status, headers, body = await ask(self.path(), method="HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) == len(assets()["explorer.js"].content)

    async def test_nothing_else_is_done_with_them(self):
        status, headers, _ = await ask(self.path(), method="POST")
        assert (status, headers["allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize(
        "rest",
        [
            "../assets.py",
            "..%2fassets.py",
            "/etc/passwd",
            "licenses.md/../explorer.js",
            ".",
            "",
            "none.js",
            "explorer.js/",
            "\u2024\u2024/assets.py",
        ],
    )
    async def test_no_other_file_can_be_named(self, rest):
        assert (await ask(f"/graphql/explorer/{version()}/{rest}"))[0] == 418

    async def test_another_release_has_other_addresses(self):
        assert (await ask("/graphql/explorer/000000000000/explorer.js"))[0] == 418


class TestReadyOperations:
    def test_each_document_is_valid_and_its_variables_are_those_it_takes(self, schema):
        channels = ready_channels(schema)
        assert {"project", "album"} <= {channel["name"] for channel in channels}
        for channel in channels:
            document = parse(channel["document"])
            assert validate(schema, document) == []
            for operation in channel["operations"]:
                alone = parse(operation["document"])
                assert validate(schema, alone) == []
                self.coerce(schema, alone, operation["variables"])
                self.coerce(schema, document, channel["variables"], operation["name"])

    def coerce(self, schema: GraphQLSchema, document: Any, variables: str, name: Any = None):
        operation = get_operation_ast(document, name)
        assert operation is not None
        found = get_variable_values(
            schema, operation.variable_definitions or (), json.loads(variables)
        )
        assert not isinstance(found, list), found

    def test_a_channel_has_its_query_its_subscription_and_every_mutation(self, schema):
        (board,) = [item for item in ready_channels(schema) if item["name"] == "project"]
        names = {operation["name"] for operation in board["operations"]}
        assert {"Project", "ProjectLive", "ProjectSaveTask", "ProjectWrite"} <= names
        assert board["description"].startswith("One project board")
        assert json.loads(board["variables"]) == {"projectId": 1}
        assert (
            'projectCreateTask(\n    projectId: $projectId\n    parent: { project: "1" }'
            in (board["document"])
        )


class TestWithoutLeave:
    async def test_there_is_neither_page_nor_file(self):
        assert (await ask("/graphql", HTML))[0] == 405
        assert (await ask(f"/graphql/explorer/{version()}/explorer.js"))[0] == 418
