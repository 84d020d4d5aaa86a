"""Who may come in, on a real server: session cookies, origins, credentials that end."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets

from rxgraph.testing import document_for
from tests.integration.board import Board, serving_board
from tests.integration.browsing import expect_end, signed_in
from tests.integration.servers import run_code

REAUTH_SECONDS = 0.5


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("board")
    with serving_board(
        folder, rxgraph={"REAUTH_SECONDS": REAUTH_SECONDS}, environ={"TEST_DEBUG": "1"}
    ) as board:
        yield board
    assert "Traceback" not in board.server.log


@pytest.fixture
def browser(board: Board) -> Iterator[httpx.Client]:
    """What ann has signed in with, on the login page of the admin."""
    with signed_in(board.server.url) as browser:
        yield browser


@pytest.fixture
def cookie(browser: httpx.Client) -> str:
    """The session of ann."""
    return f"sessionid={browser.cookies['sessionid']}"


async def test_a_session_cookie_signs_in_over_the_socket(board: Board, cookie: str) -> None:
    async with board.client(None, headers={"Cookie": cookie}) as client:
        await client.subscribe(document_for(board.sdl, "project"), board.variables)
        await client.expect_snapshot()
        assert client.state["name"] == "Garden"


def test_a_session_cookie_signs_in_over_http_with_proof_of_the_page(
    board: Board, browser: httpx.Client
) -> None:
    query = {"query": f"{{ project(projectId: {board.project}) {{ state {{ name }} }} }}"}
    answer = browser.post("/graphql", json=query)
    assert answer.status_code == 403
    assert "X-CSRFToken" in answer.json()["errors"][0]["message"]
    for proof in ({"Origin": board.server.url}, {"X-CSRFToken": browser.cookies["csrftoken"]}):
        answer = browser.post("/graphql", json=query, headers=proof)
        assert answer.json() == {"data": {"project": {"state": {"name": "Garden"}}}}


async def test_a_page_of_a_foreign_origin_cannot_use_the_cookie(board: Board, cookie: str) -> None:
    stolen = {"Cookie": cookie, "Origin": "https://elsewhere.example"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await board.client(None, headers=stolen).open()
    assert refused.value.response.status_code == 403
    async with httpx.AsyncClient(headers=stolen) as page:
        answer = await page.post(board.server.graphql_url, json={"query": "{ __typename }"})
    assert answer.status_code == 403


async def test_deleting_a_session_ends_the_stream(board: Board, cookie: str) -> None:
    async with board.client(None, headers={"Cookie": cookie}) as client:
        await client.subscribe(document_for(board.sdl, "project"), board.variables)
        await client.expect_snapshot()
        run_code(
            board.server.environ,
            "from django.contrib.sessions.models import Session; Session.objects.all().delete()",
        )
        await expect_end(client)


async def test_a_token_that_is_taken_back_ends_the_stream(board: Board) -> None:
    async with board.client("bob") as client:
        await client.subscribe(document_for(board.sdl, "project"), board.variables)
        await client.expect_snapshot()
        run_code(
            board.server.environ,
            "from rest_framework.authtoken.models import Token;"
            " Token.objects.filter(user__username='bob').delete()",
        )
        await expect_end(client)


def test_a_browser_is_told_how_to_connect(board: Board) -> None:
    answer = httpx.get(board.server.graphql_url, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "RxGraph" in answer.text  # the page itself runs in tests/browser
    assert "https://" not in answer.text, "nothing is loaded from elsewhere"
