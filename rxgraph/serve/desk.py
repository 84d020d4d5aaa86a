"""Ask who lists roots that were touched: once for all contexts of a user with the same arguments.

Every list context that roots join by themselves is registered here. For each batch that touched
roots one judgement is made for all of them: ``list_instances`` is asked once a group, querysets of
all groups go to the database as one, and an ``is_visible`` of the project's own is asked once for
each group and root that is listed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from channels.db import database_sync_to_async
from django.core.exceptions import EmptyResultSet
from django.db.models import IntegerField, QuerySet, Value

from rxgraph.cache.rows.keys import parse_pk
from rxgraph.compile.channel import CompiledChannel
from rxgraph.declare.channel import ContextChannel
from rxgraph.declare.hooks import call_hook, is_default
from rxgraph.serve.listing import ask_for_list, chunked, ids_of
from rxgraph.serve.unavailable import is_logged, is_passing
from rxgraph.types import AnchorKey

logger = logging.getLogger("rxgraph.lists")

_AT_ONCE = 8  # hooks that are asked at a time
_QUERIES_AT_ONCE = 50  # querysets in one statement
_JUDGEMENTS = 256


class Group(NamedTuple):
    """Contexts that list the same: one user, one set of arguments."""

    user_id: str
    arguments: str


class Member(Protocol):
    """A list context, as far as it is asked for its group."""

    compiled: CompiledChannel
    context: ContextChannel
    arguments: dict[str, object]


class Batch(NamedTuple):
    """A batch that touched roots: where, and in which place."""

    key: AnchorKey
    generation: int
    seq: int
    again: tuple[int, frozenset[str]] = (0, frozenset())  # what is asked about once more, and which


Verdict = frozenset[str] | None
"""The roots that a group lists among those asked for; None: it could not be found out."""


class Desk:
    """All list contexts of this process."""

    def __init__(self) -> None:
        self._groups: dict[AnchorKey, dict[Group, list[Member]]] = {}
        self._judgements: OrderedDict[Batch, asyncio.Task[dict[Group, Verdict]]] = OrderedDict()
        #: How often hooks and the database were asked, for status and benchmarks.
        self.asked = 0

    def register(self, key: AnchorKey, group: Group, member: Member) -> None:
        """Ask for *member*'s group as well from now on."""
        self._groups.setdefault(key, {}).setdefault(group, []).append(member)

    def unregister(self, key: AnchorKey, group: Group, member: Member) -> None:
        """Ask for it no longer; safe to call twice."""
        groups = self._groups.get(key, {})
        members = groups.get(group, [])
        if member in members:
            members.remove(member)
        if not members:
            groups.pop(group, None)
        if not groups:
            self._groups.pop(key, None)
            for batch in [batch for batch in self._judgements if batch.key == key]:
                self._judgements.pop(batch).cancel()  # nobody waits for it any more

    async def judge(
        self, batch: Batch, roots: frozenset[str], group: Group, member: Member
    ) -> Verdict:
        """Return which of the touched *roots* the group of *member* lists now."""
        task = self._judgements.get(batch)
        if task is None:
            groups = {g: m[0] for g, m in self._groups.get(batch.key, {}).items() if m}
            asking = self._judge(groups, roots)
            task = self._judgements[batch] = asyncio.create_task(asking, name="rxgraph judge")
            while len(self._judgements) > _JUDGEMENTS:
                self._judgements.popitem(last=False)
        verdicts = await asyncio.shield(task)
        if group not in verdicts:  # it came after the batch
            verdicts = await self._judge({group: member}, roots)
        return verdicts[group]

    async def _judge(
        self, groups: Mapping[Group, Member], roots: frozenset[str]
    ) -> dict[Group, Verdict]:
        gate = asyncio.Semaphore(_AT_ONCE)
        asked = list(groups.items())
        answers = await asyncio.gather(*(self._listed(gate, member) for _, member in asked))
        verdicts: dict[Group, Verdict] = {}
        querysets: dict[Group, QuerySet[Any]] = {}
        for (group, member), answer in zip(asked, answers, strict=True):
            if isinstance(answer, QuerySet) and _is_open(member.compiled, answer):
                querysets[group] = answer
            else:
                verdicts[group] = await self._evaluated(member, answer, roots)
        if querysets:
            compiled = asked[0][1].compiled
            try:
                found = await database_sync_to_async(_select)(compiled, querysets, roots)
                self.asked += 1
                verdicts.update(found)
            except Exception:
                logger.exception("could not ask the database who lists %s", compiled.name)
                verdicts.update(dict.fromkeys(querysets))
        judged = await asyncio.gather(
            *(self._visible(gate, member, verdicts[group]) for group, member in asked)
        )
        return {group: verdict for (group, _), verdict in zip(asked, judged, strict=True)}

    async def _listed(self, gate: asyncio.Semaphore, member: Member) -> Any:
        async with gate:
            try:
                self.asked += 1
                return await ask_for_list(member.context, member.arguments)
            except Exception:
                logger.exception("%s.list_instances failed", member.compiled.name)
                return None

    async def _evaluated(self, member: Member, answer: Any, roots: frozenset[str]) -> Verdict:
        if answer is None:
            return None
        try:
            return frozenset(await ids_of(member.compiled, answer)) & roots
        except Exception:
            logger.exception("%s.list_instances failed", member.compiled.name)
            return None

    async def _visible(self, gate: asyncio.Semaphore, member: Member, verdict: Verdict) -> Verdict:
        if not verdict or is_default(member.context.is_visible):
            return verdict
        model = member.compiled.tree.root.model

        async def ask(id_: str) -> bool:
            async with gate:
                self.asked += 1
                answer = await call_hook(member.context.is_visible, parse_pk(model, id_))
            if not isinstance(answer, bool):
                raise TypeError(f"is_visible answered {answer!r}; return True or False")
            return answer

        ids = sorted(verdict)
        answers = await asyncio.gather(*map(ask, ids), return_exceptions=True)
        away = [a for a in answers if isinstance(a, BaseException) and is_passing(a)]
        if away:  # a database that does not answer hides nothing
            if not is_logged(away[0]):
                logger.error("could not ask who sees %s", member.compiled.name, exc_info=away[0])
            return None
        for answer in answers:
            if isinstance(answer, BaseException):
                logger.error(
                    "%s.is_visible failed, which hides the instance",
                    member.compiled.name,
                    exc_info=answer,
                )
        return frozenset(id_ for id_, answer in zip(ids, answers, strict=True) if answer is True)


def _is_open(compiled: CompiledChannel, queryset: QuerySet[Any]) -> bool:
    """True where a queryset of the root model can be narrowed and put beside others."""
    query = queryset.query
    return (
        issubclass(queryset.model, compiled.tree.root.model)
        and queryset._fields is None  # type: ignore[attr-defined]
        and not query.is_sliced
        and not query.combinator
        and not query.distinct_fields
    )


def _select(
    compiled: CompiledChannel, querysets: Mapping[Group, QuerySet[Any]], roots: Collection[str]
) -> dict[Group, frozenset[str]]:
    """Return which of *roots* each queryset holds; equal ones are asked once, all at a time."""
    model = compiled.tree.root.model
    pks = [pk for root in roots if (pk := parse_pk(model, root)) is not None]
    narrowed: dict[Any, QuerySet[Any]] = {}
    wanting: dict[Any, list[Group]] = {}
    found: dict[Group, set[str]] = {group: set() for group in querysets}
    for group, queryset in querysets.items():
        part = queryset.order_by().filter(pk__in=pks)
        try:
            sql = (part.db, *part.query.sql_with_params())
        except EmptyResultSet:
            continue
        narrowed.setdefault(sql, part)
        wanting.setdefault(sql, []).append(group)
    by_database: dict[str, list[Any]] = {}
    for sql in narrowed:
        by_database.setdefault(sql[0], []).append(sql)
    for statements in by_database.values():
        for some in chunked(statements, _QUERIES_AT_ONCE):
            for number, pk in _union([narrowed[sql] for sql in some]):
                for group in wanting[some[number]]:
                    found[group].add(str(pk))
    return {group: frozenset(ids) for group, ids in found.items()}


def _union(querysets: Sequence[QuerySet[Any]]) -> Any:
    """Return pairs of a position in *querysets* and a primary key."""
    numbered = [
        queryset.annotate(rxgraph_list=Value(number, IntegerField())).values_list(
            "rxgraph_list", "pk"
        )
        for number, queryset in enumerate(querysets)
    ]
    if len(numbered) == 1:
        return numbered[0]
    # Without the model's own ordering, which Django 6.1 applies to the union anew.
    return numbered[0].union(*numbered[1:], all=True).order_by()
