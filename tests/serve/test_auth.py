"""Tokens, sessions and hooks: who is let in, who is not, and who is no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from rxgraph.errors import Unauthenticated
from rxgraph.serve.auth import Credentials, Identity, authenticate, identify, parse_cookies
from rxgraph.serve.contexts import Contexts
from rxgraph.sync.signing_out import session_mark

pytestmark = pytest.mark.django_db(transaction=True)

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password="x")


@pytest.fixture
def token(ann: User) -> str:
    return str(Token.objects.create(user=ann).key)


@pytest.fixture
def session(ann: User) -> str:
    store = SessionStore()
    store[SESSION_KEY] = str(ann.pk)
    store[BACKEND_SESSION_KEY] = BACKEND
    store[HASH_SESSION_KEY] = ann.get_session_auth_hash()
    store.create()
    assert store.session_key
    return store.session_key


WAYS: list[Callable[[str], Credentials]] = [
    lambda key: Credentials({"authorization": f"Token {key}"}),
    lambda key: Credentials(params={"Authorization": f"token {key}"}),
    lambda key: Credentials(params={"authorization": f"Token {key}"}),
    lambda key: Credentials(params={"token": key}),
]


@pytest.mark.parametrize("show", WAYS)
async def test_a_token_is_accepted_wherever_it_is_shown(show, ann, token):
    assert await authenticate(show(token)) == ann
    with pytest.raises(Unauthenticated):
        await authenticate(show("wrong"))


@pytest.mark.parametrize("show", WAYS)
async def test_an_inactive_user_is_refused(show, ann, token):
    ann.is_active = False
    await ann.asave()
    with pytest.raises(Unauthenticated):
        await authenticate(show(token))


@pytest.mark.parametrize(
    "params", [{"token": 5}, {"token": ""}, {"Authorization": None}, {"Authorization": "Basic x"}]
)
async def test_credentials_of_another_kind_are_refused_by_name(params):
    with pytest.raises(Unauthenticated, match="connection_init"):
        await authenticate(Credentials(params=params))


async def test_a_header_of_another_scheme_is_not_ours():
    user = await authenticate(Credentials({"authorization": "Basic abc"}))
    assert not user.is_authenticated


async def test_a_session_is_accepted_and_only_read(ann, session):
    assert await authenticate(Credentials(cookies={"sessionid": session})) == ann


async def test_a_session_ends_with_the_password_the_session_or_the_user(ann, session):
    shown = Credentials(cookies={"sessionid": session})
    ann.is_active = False
    await ann.asave()
    assert not (await authenticate(shown)).is_authenticated
    ann.is_active = True
    ann.set_password("new")
    await ann.asave()
    assert not (await authenticate(shown)).is_authenticated
    await sync_to_async(SessionStore(session).delete)()
    assert not (await authenticate(shown)).is_authenticated
    assert not (await authenticate(Credentials(cookies={"sessionid": "forged"}))).is_authenticated


async def by_letter(credentials: Credentials) -> Any:
    """Stand for a project's own way."""
    name = credentials.params.get("letter")
    return await User.objects.filter(username=name).afirst()


async def test_a_hook_of_the_project_replaces_tokens_and_sessions(ann, token, settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.by_letter"}
    assert await authenticate(Credentials(params={"letter": "ann"})) == ann
    assert not (await authenticate(Credentials(params={"token": token}))).is_authenticated


async def expiring(credentials: Credentials) -> Any:
    """Stand for credentials that end by themselves."""
    user = await User.objects.filter(username="ann").afirst()
    return user, float(credentials.params["until"])


async def test_credentials_that_end_by_themselves_are_asked_again_when_they_do(ann, settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.expiring"}
    with pytest.raises(Unauthenticated, match="expired"):
        await identify(Credentials(params={"until": time.time() - 1}))
    identity = await identify(Credentials(params={"until": time.time() + 0.2}))
    assert await identity.recheck(60) == ann
    assert 0 < (identity.seconds_left or 0) <= 0.2
    await asyncio.sleep(0.25)
    with pytest.raises(Unauthenticated, match="expired"):
        await identity.recheck(60)


async def refusing(credentials: Credentials) -> Any:
    """Stand for a library that refuses in the words of Django REST framework, or of Django."""
    raise {"drf": NotAuthenticated("No."), "django": PermissionDenied(), "jwt": _BAD_JWT}[
        credentials.params["how"]
    ]


_BAD_JWT = AuthenticationFailed({"detail": "Token is expired", "messages": [{"token": "x"}]})


@pytest.mark.parametrize(
    ("how", "words"), [("drf", "No."), ("django", "refused"), ("jwt", r"^Token is expired$")]
)
async def test_a_hook_may_refuse_as_libraries_do(how, words, settings):
    settings.RXGRAPH = {**settings.RXGRAPH, "AUTHENTICATE": f"{__name__}.refusing"}
    with pytest.raises(Unauthenticated, match=words):
        await authenticate(Credentials(params={"how": how}))


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (Credentials({"authorization": "Bearer a.b.c"}), "a.b.c"),
        (Credentials({"authorization": "bearer  a.b.c "}), "a.b.c"),
        (Credentials(params={"Authorization": "Bearer a.b.c"}), "a.b.c"),
        (Credentials({"authorization": "Bearer x"}, params={"authorization": "Token y"}), None),
        (Credentials({"authorization": "Bearer"}), None),
        (Credentials(params={"authorization": 5}), None),
        (Credentials(), None),
    ],
)
def test_a_hook_finds_a_key_by_its_scheme(shown, found):
    assert shown.authorization("Bearer") == found


async def test_an_ended_session_ends_its_identity_and_no_other(ann, token, session):
    by_session = await identify(Credentials(cookies={"sessionid": session}))
    by_token = await identify(Credentials(cookies={"sessionid": session}, params={"token": token}))
    assert by_session.session == by_token.session == session_mark(session)
    assert by_session.is_of_session
    assert not by_token.is_of_session
    contexts = Contexts("process")
    contexts.end_session(session_mark(session))
    assert await contexts.sure_user(by_token, 60) == ann
    with pytest.raises(Unauthenticated, match="signed out"):
        await contexts.sure_user(by_session, 60)


async def test_an_identity_is_asked_again_only_after_a_while(ann, token):
    now = [0.0]
    shown = Credentials(params={"token": token})
    identity = Identity(await authenticate(shown), shown, clock=lambda: now[0])
    await Token.objects.filter(key=token).adelete()
    assert await identity.recheck(60) == ann
    now[0] = 61
    with pytest.raises(Unauthenticated):
        await identity.recheck(60)


async def test_a_token_that_became_somebody_else_s_ends_the_identity(ann, token):
    identity = await identify(Credentials(params={"token": token}))
    bob = await User.objects.acreate(username="bob")
    await Token.objects.filter(key=token).aupdate(user=bob)
    with pytest.raises(Unauthenticated, match="signed out"):
        await identity.recheck(-time.monotonic())


def test_cookies_are_read_and_malformed_ones_left_out():
    assert parse_cookies('a=1; b="x y"; ;=; c') == {"a": "1", "b": "x y"}
