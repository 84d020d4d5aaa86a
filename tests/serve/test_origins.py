"""Which pages may use a session, and which may only use what they show themselves."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.serve.origins import Origin, Patterns, origin_of


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["example.com", "front.example.com", "[::1]"]


def scope_of(headers: dict[str, str], scheme: str = "http") -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    server = ("10.0.0.1", 8000)
    return {
        "type": "http",
        "path": "/graphql",
        "scheme": scheme,
        "headers": raw,
        "server": server,
    }


@pytest.mark.parametrize(
    ("origin", "host", "found"),
    [
        (None, "example.com", Origin.UNKNOWN),
        ("https://example.com", "example.com", Origin.OWN),
        ("https://example.com", "example.com:443", Origin.OWN),
        ("https://EXAMPLE.com:443", "example.com", Origin.OWN),
        ("http://example.com:8000", "example.com:8000", Origin.OWN),
        ("http://[::1]:8000", "[::1]:8000", Origin.OWN),
        ("https://evil.com", "example.com", Origin.FOREIGN),
        ("https://evil.com", "evil.com", Origin.FOREIGN),  # rebinding: not in ALLOWED_HOSTS
        ("null", "example.com", Origin.FOREIGN),
        ("", "example.com", Origin.FOREIGN),
        ("https://", "example.com", Origin.FOREIGN),
        ("ftp://example.com", "example.com", Origin.FOREIGN),
        ("https://example.com.evil.com", "example.com", Origin.FOREIGN),
        ("https://evil.com/example.com", "example.com", Origin.FOREIGN),
        ("https://example.com@evil.com", "example.com", Origin.FOREIGN),
        ("https://example.com:8443", "example.com", Origin.FOREIGN),
        ("http://example.com:8001", "example.com:8000", Origin.FOREIGN),
        ("https://front.example.com", "example.com", Origin.FOREIGN),
    ],
)
def test_a_page_of_this_host_and_port_is_our_own(origin, host, found):
    headers = {"host": host} if origin is None else {"host": host, "origin": origin}
    assert origin_of(scope_of(headers)) is found


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_a_page_that_came_in_the_clear_is_not_one_of_a_secure_server(scheme):
    shown = {"host": "example.com", "origin": "http://example.com"}
    assert origin_of(scope_of(shown, scheme)) is Origin.FOREIGN
    assert origin_of(scope_of(shown, "ws")) is Origin.OWN
    assert origin_of(scope_of({**shown, "origin": "https://example.com"}, scheme)) is Origin.OWN


def test_a_proxy_s_host_counts_only_where_the_project_trusts_the_proxy(settings):
    shown = {
        "host": "10.0.0.1:8000",
        "x-forwarded-host": "front.example.com",
        "origin": "https://front.example.com",
    }
    settings.ALLOWED_HOSTS = ["*"]
    assert origin_of(scope_of(shown)) is Origin.FOREIGN
    settings.USE_X_FORWARDED_HOST = True
    assert origin_of(scope_of(shown)) is Origin.OWN
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    secure = {**shown, "x-forwarded-proto": "https", "origin": "http://front.example.com"}
    assert origin_of(scope_of(secure)) is Origin.FOREIGN


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("https://friend.com", Origin.OWN),
        ("https://friend.com:443", Origin.OWN),
        ("http://friend.com", Origin.FOREIGN),
        ("https://a.b.team.org", Origin.OWN),
        ("https://team.org", Origin.FOREIGN),
        ("https://evilteam.org", Origin.FOREIGN),
        ("http://a.team.org", Origin.FOREIGN),
        ("https://a.team.org:8443", Origin.FOREIGN),
        ("https://a.ports.org:8443", Origin.OWN),
        ("https://team.org.evil.com", Origin.FOREIGN),
    ],
)
def test_allowed_origins_are_exact_or_all_below_a_host(origin, found, settings):
    allowed = ["https://friend.com", "https://*.team.org", "https://*.ports.org:8443"]
    settings.RXGRAPH = {**settings.RXGRAPH, "ALLOWED_ORIGINS": allowed}
    assert origin_of(scope_of({"host": "example.com", "origin": origin})) is found


def test_a_star_lets_pages_in_but_not_their_cookies(settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "ALLOWED_ORIGINS": ["*", "https://friend.com"]}
    for origin, found in [
        ("https://evil.com", Origin.OPEN),
        ("null", Origin.OPEN),
        ("https://friend.com", Origin.OWN),
        ("https://example.com", Origin.OWN),
    ]:
        assert origin_of(scope_of({"host": "example.com", "origin": origin})) is found


@pytest.mark.parametrize(
    "wrong",
    [
        "friend.com",
        "https://a.com/path",
        "https://*",
        "https://a.*.com",
        "https://*.*.com",
        "",
    ],
)
def test_what_is_no_origin_is_said_to_be_none(wrong):
    with pytest.raises(ValueError, match=r"origin"):
        Patterns([wrong])
