"""``Meta.secret``: who may not watch cannot tell what exists, by no way of asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.backends.utils import CursorWrapper
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import PermissionDenied as DRFDenied

from channels_app.models import Membership, Project, Task
from rxgraph.actions import action
from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.operations import SAVE
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.scope import OperationScope
from rxgraph.sync.broadcasting import revoke
from rxgraph.testing import document_for, mutation_for, query_for
from tests.serve.live import Stage, in_database, staged

pytestmark = pytest.mark.django_db(transaction=True)

how: dict[str, Callable[[Any, Project], bool]] = {}

with registry.isolated():

    class VaultSerializer(serializers.ModelSerializer[Project]):
        class Meta:
            model = Project
            fields = ("id", "name")

    class TaskSerializer(serializers.ModelSerializer[Task]):
        class Meta:
            model = Task
            fields = ("id", "title")

    class OpenChannel(ContextChannel):
        class Meta:
            state = VaultSerializer()
            writable = {VaultSerializer: [SAVE]}

        @staticmethod
        def has_permission(user: Any, project_id: int) -> bool:
            return how["judge"](user, Project.objects.get(pk=project_id))

        def can_save(self, instance: Any, data: Any) -> bool:
            return True

        @action
        async def knock(self) -> bool:
            return True

    class VaultChannel(OpenChannel):
        class Meta:
            secret = True
            graphql_name = "Vault"

    class SafeSerializer(serializers.ModelSerializer[Project]):
        tasks = TaskSerializer(many=True, read_only=True)

        class Meta:
            model = Project
            fields = ("id", "name", "tasks")
            user_key = "owner"

    class SafeChannel(ContextChannel):
        """Whose root is private itself: nobody else's permission is needed."""

        class Meta:
            state = SafeSerializer()
            writable = {SafeSerializer: [SAVE]}
            secret = True

        @staticmethod
        def has_permission(user: Any, project_id: int) -> bool:
            return True


def is_owner(user: Any, project: Project) -> bool:
    return bool(project.owner_id == user.pk)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    how["judge"] = is_owner
    async with staged(OpenChannel, VaultChannel, SafeChannel) as found:
        yield found


async def made() -> tuple[User, User, Project]:
    def make() -> tuple[User, User, Project]:
        ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
        return ann, bob, Project.objects.create(pk=777_777, name="hidden", owner=ann)

    found: tuple[User, User, Project] = await in_database(make)()
    return found


async def watch(stage: Stage, channel: type[ContextChannel], user: User, project: Project) -> Any:
    """Return the stream of somebody who can be asked for again, after its first event."""
    token = await Token.objects.acreate(user=user)
    identity = Identity(user, Credentials(params={"token": token.key}))
    live = await stage.subscribe(channel, user, {"projectId": project.pk}, identity=identity)
    return live, await live.event()


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the statements about the board that all threads run."""
    found: list[str] = []
    execute = CursorWrapper.execute

    def noting(self: Any, sql: Any, params: Any = None) -> Any:
        if "channels_app_" in str(sql):
            found.append(str(sql))
        return execute(self, sql, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", noting)
        yield found


async def answer(stage: Stage, document: str, user: Any, **variables: Any) -> Any:
    """Return the errors of an operation as a client sees them, and how many statements ran."""
    context = {"identity": Identity(user, Credentials()), "scope": OperationScope()}
    with counted() as statements:
        if document.lstrip().startswith("subscription"):
            results: Any = await stage.schema.stream(document, variables, context_value=context)
            result: Any = await anext(results)
            await results.aclose()
        else:
            result = await stage.schema.execute(document, variables, context_value=context)
    assert result.errors, result.data
    return [error.formatted for error in result.errors], len(statements)


def documents(stage: Stage, field: str) -> dict[str, tuple[str, dict[str, Any]]]:
    save = {"id": "777777", "data": {"name": "x"}}
    name = f"{field}Save{'Safe' if field == 'safe' else 'Vault'}"
    return {
        "query": (query_for(stage.schema, field), {}),
        "subscribe": (document_for(stage.schema, field), {}),
        "resume": (document_for(stage.schema, field), {"after": "bm9uZQ"}),
        "save": (mutation_for(stage.schema, name), save),
    }


WAYS = ["query", "subscribe", "resume", "save"]


@pytest.mark.parametrize("is_watched", [False, True])
@pytest.mark.parametrize("field", ["vault", "safe"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_channel_has_one_answer_for_both(stage, way, field, is_watched):
    ann, bob, project = await made()
    if is_watched:
        await watch(stage, VaultChannel if field == "vault" else SafeChannel, ann, project)
    document, variables = documents(stage, field)[way]
    told = {}
    for id_ in (project.pk, 999_999):
        errors, statements = await answer(stage, document, bob, **variables, projectId=id_)
        told[id_] = json.dumps(errors).replace(str(id_), "ID"), statements
    assert told[project.pk] == told[999_999]
    assert '"code": "NOT_FOUND"' in told[project.pk][0]
    assert "may not" not in told[project.pk][0]


@pytest.mark.parametrize("way", WAYS)
async def test_another_channel_says_which_it_is(stage, way):
    _ann, bob, project = await made()
    document, variables = documents(stage, "open")[way]
    codes = [
        (await answer(stage, document, bob, **variables, projectId=id_))[0][0]["extensions"]["code"]
        for id_ in (project.pk, 999_999)
    ]
    assert codes == ["FORBIDDEN", "NOT_FOUND"]


@pytest.mark.parametrize("refusal", [PermissionDenied("not you"), DRFDenied("not you")])
async def test_however_the_hook_refuses(stage, refusal):
    def refuse(user: Any, project: Project) -> bool:
        raise refusal

    _ann, bob, project = await made()
    how["judge"] = refuse
    document, _variables = documents(stage, "vault")["query"]
    errors, _ = await answer(stage, document, bob, projectId=project.pk)
    assert errors[0]["extensions"]["code"] == "NOT_FOUND"
    assert "not you" not in json.dumps(errors)


async def test_who_loses_access_to_a_live_one_is_told_no_more(stage):
    ann, _bob, project = await made()
    live, _ = await watch(stage, VaultChannel, ann, project)
    how["judge"] = lambda user, project: False
    revoke(VaultChannel, ann)
    assert (await live.event())["resetReason"] == "PERMISSION_CHANGED"
    await live.event()
    assert await live.error() == "NOT_FOUND"


async def test_an_action_of_who_lost_access_is_answered_alike(stage):
    ann, _bob, project = await made()
    _live, event = await watch(stage, VaultChannel, ann, project)
    session = event["session"]
    how["judge"] = lambda user, project: False
    document = "mutation ($session: ID!) { vaultKnock(session: $session) }"
    errors, _ = await answer(stage, document, ann, session=session)
    assert errors[0]["extensions"]["code"] == "NOT_FOUND"
    assert "not for you" in errors[0]["message"]


async def test_a_permission_that_looks_for_something_else_than_the_anchor_ends_the_stream(stage):
    """Whose membership is gone is not somebody whose anchor is gone."""
    _ann, bob, project = await made()
    member = await Membership.objects.acreate(project=project, user=bob)

    def is_member(user: Any, project: Project) -> bool:
        return Membership.objects.get(project=project, user=user).pk is not None

    how["judge"] = is_member
    live, _ = await watch(stage, OpenChannel, bob, project)
    await member.adelete()
    revoke(OpenChannel, bob)
    assert (await live.event())["resetReason"] == "PERMISSION_CHANGED"
    await live.event()
    assert await live.error() == "NOT_FOUND"


async def test_a_deleted_anchor_is_still_told_by_the_stream(stage):
    ann, _bob, project = await made()
    live, _ = await watch(stage, VaultChannel, ann, project)
    await project.adelete()
    revoke(VaultChannel, ann)
    event = await live.event()
    assert (event["kind"], event["channel"]["state"]) == ("DELTA", None)
    assert await live.error() is None
