"""Who a client is, behind proxies."""

from __future__ import annotations

from typing import Any

import pytest

from rxgraph.serve.limits.addresses import address_of
from rxgraph.serve.limits.places import Places


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"X-Forwarded-For", one.encode()) for one in forwarded]
    return {"client": None if peer is None else (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("given", "proxies", "found"),
    [
        (scope("10.0.0.1"), 0, "10.0.0.1"),
        (scope("10.0.0.1", "6.6.6.6"), 0, "10.0.0.1"),  # anybody can send that header
        (scope("10.0.0.1", "6.6.6.6, 1.2.3.4"), 1, "1.2.3.4"),
        (scope("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2"), 2, "1.2.3.4"),
        (scope("10.0.0.1", "6.6.6.6", "1.2.3.4"), 1, "1.2.3.4"),
        (scope("10.0.0.1", "1.2.3.4"), 3, "1.2.3.4"),
        (scope("10.0.0.1"), 1, "10.0.0.1"),
        (scope(None), 0, None),
        (scope(None, "1.2.3.4"), 1, "1.2.3.4"),
        (scope("2001:db8:1:2:3:4:5:6"), 0, "2001:db8:1:2::/64"),
        (scope("::ffff:1.2.3.4"), 0, "1.2.3.4"),
        (scope("10.0.0.1", "nonsense"), 1, "nonsense"),
    ],
)
def test_the_address_is_what_the_last_trusted_proxy_saw(
    given: dict[str, Any], proxies: int, found: str | None
) -> None:
    assert address_of(given, proxies) == found


def test_places_are_given_back() -> None:
    places = Places()
    assert [places.take("a", 2) for _ in range(3)] == [True, True, False]
    assert places.take("b", 2)
    assert places.take(None, 0)
    places.give_back("a")
    assert places.count("a") == 1
    for holder in ("a", "b", None):
        places.give_back(holder)
    assert len(places) == 0
