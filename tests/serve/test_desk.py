"""Who lists what was touched: asked once for all who list the same, in few statements."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models import Count, Exists, F, OuterRef, Q

from channels_app.models import Membership, Project, Task
from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.declare import registry
from rxgraph.serve.desk import Batch, Desk, Group, Verdict
from rxgraph.types import FOREST, AnchorKey
from tests.serve.lists import ProjectSerializer, join, make_project
from tests.serve.live import in_database

pytestmark = pytest.mark.django_db(transaction=True)

with registry.isolated():

    class AnsweringListChannel(ContextChannel):
        """Whatever a test wants ``list_instances`` to answer."""

        class Meta:
            state = ProjectSerializer(many=True)
            auto_update = True

        answer: ClassVar[Callable[[Any], Any]]

        def list_instances(self) -> Any:
            return type(self).answer(self.user)

    class JudgingListChannel(ContextChannel):
        """All projects, judged one by one and slowly."""

        class Meta:
            state = ProjectSerializer(many=True)
            auto_update = True

        judge: ClassVar[Callable[[Any], Any]]
        now: ClassVar[int] = 0
        most: ClassVar[int] = 0

        def list_instances(self) -> Any:
            return Project.objects.all()

        async def is_visible(self, instance_id: Any) -> Any:
            kind = type(self)
            kind.now += 1
            kind.most = max(kind.most, kind.now)
            await asyncio.sleep(0.01)
            kind.now -= 1
            return kind.judge(instance_id)


ANSWERING, JUDGING = compile_channel(AnsweringListChannel), compile_channel(JudgingListChannel)
KEY = AnchorKey(ANSWERING.name, FOREST)
_batches = iter(range(1, 10_000))


@dataclass(eq=False)
class Listed:
    """One list context, as far as a desk knows it."""

    compiled: CompiledChannel
    context: ContextChannel
    arguments: dict[str, object] = field(default_factory=dict)


class Asking:
    """A desk with one context for each of some users, and the statements it costs."""

    def __init__(self, users: list[User], compiled: CompiledChannel = ANSWERING) -> None:
        self.desk = Desk()
        self.members = {
            Group(str(user.pk), ""): Listed(compiled, compiled.channel(user, {})) for user in users
        }
        for group, member in self.members.items():
            self.desk.register(KEY, group, member)
        self.statements: list[str] = []

    def _log(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append(sql)
        return execute(sql, params, many, context)

    async def judge(self, *projects: Project) -> list[Verdict]:
        """Return the verdict of each context on the same batch, all asking at once."""
        batch = Batch(KEY, 1, next(_batches))
        roots = frozenset(str(project.pk) for project in projects)
        await in_database(lambda: connection.execute_wrappers.append(self._log))()
        try:
            return list(
                await asyncio.gather(
                    *(
                        self.desk.judge(batch, roots, group, member)
                        for group, member in self.members.items()
                    )
                )
            )
        finally:
            await in_database(lambda: connection.execute_wrappers.remove(self._log))()


@in_database
def made_users(names: list[str]) -> list[User]:
    """Make users."""
    return [User.objects.create(username=name) for name in names]


@pytest.fixture
async def users() -> list[User]:
    made: list[User] = await made_users([f"user {number}" for number in range(12)])
    return made


@in_database
def projects_of(users: list[User], name: str = "board") -> list[Project]:
    """Make a project of each user; the first user is a member of all."""
    made = [make_project(user, f"{name} {user.pk}", 0) for user in users]
    for project in made[1:]:
        join(project, users[0])
    return made


def answering(answer: Callable[[Any], Any]) -> None:
    AnsweringListChannel.answer = staticmethod(answer)


def ids(*projects: Project) -> frozenset[str]:
    return frozenset(str(project.pk) for project in projects)


async def test_querysets_of_many_users_are_one_statement(users: list[User]) -> None:
    made = await projects_of(users)
    answering(lambda user: Project.objects.visible_to(user).order_by("name"))
    asking = Asking(users)
    verdicts = await asking.judge(*made[:4])
    assert verdicts == [ids(*made[:4]), *(ids(p) for p in made[1:4]), *([frozenset()] * 8)]
    assert len(asking.statements) == 1


async def test_equal_querysets_are_asked_once_whoever_answers_them(users: list[User]) -> None:
    made = await projects_of(users)
    answering(lambda user: Project.objects.filter(name__startswith="board"))
    asking = Asking(users)
    assert await asking.judge(made[0], made[5]) == [ids(made[0], made[5])] * 12
    assert len(asking.statements) == 1
    assert "UNION" not in asking.statements[0]


async def test_more_querysets_than_fit_in_a_statement_take_one_for_each_part(
    users: list[User],
) -> None:
    more = await in_database(
        lambda: [*users, *(User.objects.create(username=f"more {n}") for n in range(108))]
    )()
    [project] = await projects_of(more[:1])
    answering(lambda user: Project.objects.filter(owner=user))
    asking = Asking(more)
    assert await asking.judge(project) == [ids(project), *[frozenset()] * 119]
    assert len(asking.statements) == 3


def _sliced(user: Any) -> Any:
    return Project.objects.order_by("-pk")[:2]


def _union(user: Any) -> Any:
    owned, joined = Project.objects.filter(owner=user), Project.objects.filter(members=user)
    return owned.order_by().union(joined.order_by())  # SQLite orders no parts


def _distinct(user: Any) -> Any:
    return Project.objects.filter(Q(owner=user) | Q(members=user)).distinct()


def _annotated(user: Any) -> Any:
    tasks = Task.objects.filter(project=OuterRef("pk"))
    return Project.objects.annotate(size=Count("tasks"), has=Exists(tasks)).filter(
        size=0, owner=user
    )


def _values(user: Any) -> Any:
    return Project.objects.filter(owner=user).values_list("pk", flat=True)


def _through(user: Any) -> Any:
    return Membership.objects.filter(user=user).values_list("project", flat=True)


def _aliased(user: Any) -> Any:
    return Project.objects.alias(boss=F("owner__username")).filter(boss=user.username).only("name")


def _related(user: Any) -> Any:
    return Project.objects.select_related("owner").prefetch_related("tasks").filter(owner=user)


def _ordered_by_another(user: Any) -> Any:
    return Project.objects.filter(owner=user).order_by("owner__username", "-budget").reverse()


def _intersected(user: Any) -> Any:
    return Project.objects.filter(owner=user) & Project.objects.exclude(name="hidden")


def _ids(user: Any) -> Any:
    return [str(project.pk) for project in Project.objects.filter(owner=user)]


def _generated(user: Any) -> Any:
    return (project for project in list(Project.objects.filter(owner=user)))


async def _later(user: Any) -> Any:
    return [project.pk async for project in Project.objects.filter(owner=user)]


async def _lazy(user: Any) -> Any:
    return Project.objects.filter(owner=user)


def _none(user: Any) -> Any:
    return Project.objects.none()


def _nothing(user: Any) -> Any:
    return Project.objects.filter(pk__in=[])


@pytest.mark.parametrize(
    "answer",
    [
        _sliced,
        _union,
        _distinct,
        _annotated,
        _values,
        _through,
        _aliased,
        _related,
        _ordered_by_another,
        _intersected,
        _ids,
        _generated,
        _later,
        _lazy,
        _none,
        _nothing,
    ],
)
async def test_the_verdict_is_what_the_whole_list_holds_of_the_roots(
    users: list[User], answer: Callable[[Any], Any]
) -> None:
    made = await projects_of(users[:4])
    answering(answer)
    asking = Asking(users[:4])
    asked = [made[0], made[1], made[3]]

    @in_database
    def whole(user: Any) -> frozenset[str]:
        answered = answer(user)
        if inspect.isawaitable(answered):
            answered = async_to_sync(_await)(answered)
        return frozenset(str(getattr(item, "pk", item)) for item in answered) & ids(*asked)

    assert await asking.judge(*asked) == [await whole(user) for user in users[:4]]


async def _await(answered: Any) -> Any:
    return await answered


async def test_querysets_that_can_be_narrowed_are_whatever_stands_beside_them(
    users: list[User],
) -> None:
    made = await projects_of(users[:4])
    kinds = dict(
        zip((user.pk for user in users), (_distinct, _annotated, _sliced, _ids), strict=False)
    )
    answering(lambda user: kinds[user.pk](user))
    asking = Asking(users[:4])
    assert await asking.judge(*made) == [ids(*made), ids(made[1]), ids(*made[2:]), ids(made[3])]
    assert len([sql for sql in asking.statements if "rxgraph_list" in sql]) == 1


async def test_who_fails_is_not_known_and_nobody_else_suffers(
    users: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    made = await projects_of(users[:4])

    def answer(user: Any) -> Any:
        match users.index(user):
            case 0:
                raise ValueError("the hook is broken")
            case 1:
                return ["no id"]
            case 2:
                return Project.objects.filter(owner=user)
        return 7

    answering(answer)
    with caplog.at_level(logging.ERROR, "rxgraph.lists"):
        verdicts = await Asking(users[:4]).judge(*made)
    assert verdicts == [None, None, ids(made[2]), None]
    assert "the hook is broken" in caplog.text
    assert "'no id' is not the id of a Project" in caplog.text
    assert "answered 7; return a queryset or a list of ids" in caplog.text


async def test_a_statement_that_fails_leaves_those_unknown_who_share_it(
    users: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    made = await projects_of(users[:3])

    def answer(user: Any) -> Any:
        if user == users[0]:
            return Project.objects.extra(where=["no_such_column = 1"])
        return _ids(user)

    answering(answer)
    with caplog.at_level(logging.ERROR, "rxgraph.lists"):
        assert await Asking(users[:3]).judge(*made) == [None, ids(made[1]), ids(made[2])]
    assert "could not ask the database who lists" in caplog.text


async def test_an_is_visible_of_its_own_is_asked_once_a_group_and_root_and_not_too_many_at_a_time(
    users: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    made = await projects_of(users)
    asked: list[Any] = []

    def judge(instance_id: Any) -> Any:
        asked.append(instance_id)
        if instance_id == made[2].pk:
            raise ValueError("cannot tell")
        return "yes" if instance_id == made[1].pk else instance_id != made[3].pk

    JudgingListChannel.judge = staticmethod(judge)
    JudgingListChannel.most = 0
    asking = Asking(users, JUDGING)
    with caplog.at_level(logging.ERROR, "rxgraph.lists"):
        verdicts = await asking.judge(*made[:5])
    assert verdicts == [ids(made[0], made[4])] * 12  # what fails, or answers nonsense, hides
    assert len(asked) == 12 * 5
    assert 1 < JudgingListChannel.most <= 8
    assert "cannot tell" in caplog.text
    assert "is_visible answered 'yes'; return True or False" in caplog.text


async def test_a_database_that_does_not_answer_an_is_visible_hides_nothing(
    users: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    made = await projects_of(users[:2])

    def judge(instance_id: Any) -> Any:
        if instance_id == made[0].pk:
            raise OperationalError("connection refused")
        return True

    JudgingListChannel.judge = staticmethod(judge)
    with caplog.at_level(logging.ERROR, "rxgraph.lists"):
        assert await Asking(users[:1], JUDGING).judge(*made) == [None]
    assert "which hides" not in caplog.text


async def test_contexts_of_one_group_are_asked_once_and_latecomers_for_themselves(
    users: list[User],
) -> None:
    made = await projects_of(users[:2])
    calls: list[Any] = []

    def answer(user: Any) -> Any:
        calls.append(user.pk)
        return Project.objects.filter(owner=user)

    answering(answer)
    asking = Asking(users[:1])
    [(group, member)] = asking.members.items()
    twin = Listed(ANSWERING, ANSWERING.channel(users[0], {}))
    asking.desk.register(KEY, group, twin)
    batch = Batch(KEY, 1, next(_batches))
    verdicts = await asyncio.gather(
        *(asking.desk.judge(batch, ids(*made), group, m) for m in (member, twin, member))
    )
    assert verdicts == [ids(made[0])] * 3
    assert calls == [users[0].pk]
    late = Group(str(users[1].pk), "")
    came = Listed(ANSWERING, ANSWERING.channel(users[1], {}))
    asking.desk.register(KEY, late, came)
    assert await asking.desk.judge(batch, ids(*made), late, came) == ids(made[1])
    assert calls == [user.pk for user in users[:2]]
    for group_, member_ in ((group, member), (group, twin), (late, came), (late, came)):
        asking.desk.unregister(KEY, group_, member_)
    assert not asking.desk._groups


async def test_what_is_asked_when_the_last_one_leaves_is_given_up(users: list[User]) -> None:
    made = await projects_of(users[:1])
    is_asked, has_ended = asyncio.Event(), asyncio.Event()

    async def wait() -> Any:
        is_asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            has_ended.set()

    answering(lambda user: wait())
    asking = Asking(users[:1])
    [(group, member)] = asking.members.items()
    judging = asyncio.create_task(
        asking.desk.judge(Batch(KEY, 1, next(_batches)), ids(*made), group, member)
    )
    await is_asked.wait()
    judging.cancel()
    await asyncio.wait([judging])
    assert not has_ended.is_set()  # others of the group may wait for it
    asking.desk.unregister(KEY, group, member)
    async with asyncio.timeout(10):
        await has_ended.wait()
    assert not asking.desk._judgements
