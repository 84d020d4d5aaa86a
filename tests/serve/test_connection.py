"""What of a request counts: proof for sessions, cookies of foreign pages, secrets in URLs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.http import HttpRequest
from django.middleware.csrf import _get_new_csrf_string, get_token

from rxgraph.errors import Forbidden
from rxgraph.serve import connection
from rxgraph.serve.auth import Credentials
from rxgraph.serve.connection import handshake_headers, headers_of, request_credentials

HOST = "example.com"
OWN, EVIL = f"https://{HOST}", "https://evil.example"
SECRET = _get_new_csrf_string()


def scope_of(query: str = "", scheme: str = "http", **headers: str) -> dict[str, Any]:
    named = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "scheme": scheme,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }


async def is_let_in(**headers: str) -> bool:
    try:
        await request_credentials(scope_of(**headers))
    except Forbidden:
        return False
    return True


def masked(secret: str) -> str:
    """Return what a template of Django shows for *secret*."""
    request = HttpRequest()
    request.META["CSRF_COOKIE"] = secret
    return get_token(request)


COOKIE = "sessionid=abc"
BOTH = f"sessionid=abc; csrftoken={SECRET}"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"cookie": "theme=dark"}, True),
        ({"cookie": COOKIE, "origin": OWN}, True),  # a page of this host
        ({"cookie": COOKIE}, False),  # nobody says who sent it
        ({"cookie": COOKIE, "origin": "null"}, False),
        ({"cookie": COOKIE, "origin": EVIL}, False),
        ({"cookie": BOTH}, False),  # the cookie alone proves nothing
        ({"cookie": BOTH, "x_csrftoken": SECRET}, True),
        ({"cookie": BOTH, "x_csrftoken": masked(SECRET)}, True),
        ({"cookie": BOTH, "x_csrftoken": _get_new_csrf_string()}, False),
        ({"cookie": BOTH, "x_csrftoken": "short"}, False),
        ({"cookie": BOTH, "x_csrftoken": SECRET, "origin": EVIL}, False),
        ({"cookie": COOKIE, "authorization": "Token abc"}, True),  # no page can send that unasked
        ({"cookie": COOKIE, "authorization": "Basic abc"}, False),  # browsers do by themselves
        ({"cookie": COOKIE, "sec_fetch_site": "same-origin"}, True),
        ({"cookie": COOKIE, "sec_fetch_site": "same-site"}, False),
        ({"cookie": COOKIE, "sec_fetch_site": "cross-site"}, False),
        ({"cookie": COOKIE, "sec_fetch_site": "none"}, False),
        ({"cookie": COOKIE, "sec_fetch_site": "same-origin", "origin": EVIL}, False),
        ({"authorization": "Token abc", "origin": EVIL}, True),
        ({"authorization": "Basic abc", "origin": EVIL}, False),
    ],
)
async def test_a_session_over_http_needs_proof_and_a_token_none(headers, expected):
    assert await is_let_in(**headers) is expected


async def test_over_https_django_asks_for_the_referer_too():
    shown = {"cookie": BOTH, "x_csrftoken": SECRET}
    with pytest.raises(Forbidden, match="Referer"):
        await request_credentials(scope_of(scheme="https", **shown))
    await request_credentials(scope_of(scheme="https", referer=f"{OWN}/board", **shown))


async def test_where_a_hook_decides_every_cookie_may_be_a_session(settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": "somewhere.authenticate"}
    assert not await is_let_in(cookie="theme=dark")
    assert await is_let_in(cookie="theme=dark", authorization="Bearer abc")
    assert await is_let_in(cookie="theme=dark", origin=OWN)


@pytest.mark.django_db
async def test_secrets_that_sessions_keep_are_looked_up(settings):
    settings.CSRF_USE_SESSIONS = True
    with pytest.raises(Forbidden, match="CSRF"):
        await request_credentials(scope_of(cookie=BOTH, x_csrftoken=SECRET))


async def test_cookies_of_a_page_that_only_a_star_lets_in_do_not_count(settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "ALLOWED_ORIGINS": ["*"]}
    found = await request_credentials(scope_of(cookie=COOKIE, origin=EVIL))
    assert found.session_key is None
    assert "cookie" not in found.headers
    shaken = handshake_headers(scope_of(cookie=COOKIE, origin=EVIL))
    assert shaken is not None
    assert "cookie" not in shaken
    own = handshake_headers(scope_of(cookie=COOKIE, origin=OWN))
    assert own is not None
    assert own["cookie"] == COOKIE


async def test_a_foreign_page_with_a_token_has_no_cookies_either():
    found = await request_credentials(
        scope_of(cookie=COOKIE, origin=EVIL, authorization="Token abc")
    )
    assert found.token == "abc"
    assert found.session_key is None


async def test_secrets_in_urls_are_not_looked_at_and_warned_of_once(caplog, monkeypatch):
    monkeypatch.setattr(connection, "_warned", set())
    with caplog.at_level(logging.WARNING, "rxgraph.auth"):
        for _ in range(2):
            found = await request_credentials(scope_of("token=s3cret&sessionid=s3cret&page=2"))
            handshake_headers(scope_of("Token=s3cret"))
    assert found.token is None
    assert found.session_key is None
    assert [record.args for record in caplog.records] == [("sessionid",), ("token",)]
    assert "s3cret" not in caplog.text


def test_what_is_printed_of_credentials_are_names():
    headers = headers_of(scope_of(authorization="Token s3cret", cookie="sessionid=s3cret"))
    shown = Credentials(headers, {"sessionid": "s3cret"}, {"token": "s3cret"})
    assert "s3cret" not in f"{shown!r} {shown} {headers!r}"
    assert "sessionid" in repr(shown)
