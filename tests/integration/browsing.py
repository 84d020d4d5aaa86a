"""A browser without a screen: forms of Django's pages, and what signing out leads to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from rxgraph.testing import OperationFailed, SubscriptionClient


@contextmanager
def signed_in(url: str, username: str = "ann") -> Iterator[httpx.Client]:
    """Yield a browser in which somebody of the board signed in on the login page of the admin."""
    with httpx.Client(base_url=url, timeout=30) as browser:
        browser.get("/admin/login/")
        form = {"username": username, "password": "secret"}
        assert post_form(browser, "/admin/login/", **form).status_code == 302
        yield browser


def sign_out(browser: httpx.Client) -> None:
    """Sign out, as the button of the admin does."""
    assert post_form(browser, "/admin/logout/").status_code == 200


def post_form(browser: httpx.Client, path: str, **data: str) -> httpx.Response:
    """Send a form with its CSRF token."""
    token = browser.cookies["csrftoken"]
    return browser.post(path, data={**data, "csrfmiddlewaretoken": token})


async def expect_end(client: SubscriptionClient, code: str = "UNAUTHENTICATED") -> None:
    """Expect that a live stream is emptied, and then ends with the error *code*."""
    await client.expect_reset("PERMISSION_CHANGED")
    last = await client.next_event()
    assert last["channel"]["state"] is None
    with pytest.raises(OperationFailed) as ended:
        await client.next_event()
    assert ended.value.code == code
