"""What ends credentials is told: once, after the commit, without naming a secret."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.http import HttpRequest
from rest_framework.authtoken.models import Token, TokenProxy

from rxgraph.sync import signing_out
from rxgraph.sync.engine import get_engine
from rxgraph.sync.signing_out import SIGNED_OUT, session_mark

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What servers are told from now on."""
    engine = get_engine()
    engine.is_serving = True
    found: list[Any] = []

    def publish(signal: Any) -> None:
        if signal.kind == SIGNED_OUT:
            found.append(signal.body)

    monkeypatch.setattr(engine, "publish", publish)
    return found


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password="secret")


def test_a_logout_names_the_user_and_stands_for_the_session(told, ann):
    request = HttpRequest()
    request.session, request.user = SessionStore(), ann
    found = authenticate(username="ann", password="secret")
    login(request, found)
    key = request.session.session_key
    assert key
    told.clear()
    logout(request)
    assert told == [{"user": str(ann.pk), "session": session_mark(key)}]
    assert key not in str(told)


def test_a_token_that_is_deleted_is_told_by_whichever_model(told, ann):
    for delete in (
        lambda: Token.objects.get(user=ann).delete(),
        lambda: Token.objects.filter(user=ann).delete(),
        lambda: TokenProxy.objects.get(user=ann).delete(),
    ):
        Token.objects.create(user=ann)
        told.clear()
        delete()
        assert told == [{"user": str(ann.pk), "session": None}]


def test_deactivation_a_new_password_and_deletion_are_told_and_nothing_else(told, ann):
    pk = ann.pk
    ann.first_name = "Ann"
    ann.save()
    ann.last_name = "B"
    ann.save(update_fields=["last_name"])
    assert told == []
    ann.set_password("other")
    ann.save()
    assert len(told) == 1
    ann.is_active = False
    ann.save()
    assert len(told) == 2
    ann.delete()
    assert told == [{"user": str(pk), "session": None}] * 3


def test_it_is_told_after_the_commit_or_not_at_all(told, ann):
    with transaction.atomic():
        ann.is_active = False
        ann.save()
        assert told == []
    assert len(told) == 1
    with transaction.atomic():
        ann.save()
        transaction.set_rollback(True)
    assert len(told) == 1


def test_who_cannot_be_told_does_not_keep_anybody_from_signing_out(ann, monkeypatch, caplog):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("redis is away")

    monkeypatch.setattr(signing_out, "get_engine", fail)
    ann.is_active = False
    ann.save()
    assert "REAUTH_SECONDS" in caplog.text
