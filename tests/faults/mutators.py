"""Clients that write, and come back with the same ``clientMutationId`` until they are answered.

Whatever dies in between: a write that was acknowledged is in the database, once; one that was
refused is not. Each writes where nobody else does, so that the database can be asked for exactly
that.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from rxgraph.testing import OperationFailed, SubscriptionClient, WriteRefused
from tests.faults import laws
from tests.faults.children import Node
from tests.faults.clients import LOST, NEVER_FOR_MEMBERS
from tests.faults.plan import Watcher
from tests.faults.tally import Diary, Tally, Violation, as_line

_TIMEOUT_SECONDS = 6.0
_LONGEST_SECONDS = 90.0
_PASSING = {None, "INTERNAL", "UNAVAILABLE", "RATE_LIMITED"}


class Mutator:
    """One client that writes: comments on its ledger, the ledger itself, and its own pair."""

    def __init__(
        self,
        watcher: Watcher,
        board: dict[str, Any],
        person: dict[str, Any],
        written: dict[str, Any],
        nodes: Sequence[Node],
        tally: Tally,
        diary: Diary,
    ) -> None:
        self.name = f"mutator {person['id']}"
        self.board, self.person, self._nodes = board, person, nodes
        self._tally, self._diary = tally, diary
        self._rng = random.Random(watcher.seed)
        self._recording = diary.recording(self.name)
        self._ledger, self._own = written["ledger"], [pk for pk, *_ in written["own"]]
        self.comments: dict[str, str] = {}  # text → id, of those that were acknowledged
        self.position, self.description = written["position"], written["description"]
        own: list[Any] = written["own"] or [[0, 0, ""]]
        self.own_position, self.own_description = own[0][1:]
        self._client: SubscriptionClient | None = None
        self._is_over = False
        self.violation: Violation | None = None
        self._task = asyncio.create_task(self._live(), name=self.name)

    async def _live(self) -> None:
        try:
            while not self._is_over:
                await self._step()
                await asyncio.sleep(self._rng.uniform(0.0, 0.3))
        except Violation as violation:
            self.violation = violation
            self._diary.note(self.name, f"VIOLATION {violation}")
        finally:
            await self._leave()

    async def finish(self) -> None:
        """Return when what is under way has been answered."""
        self._is_over = True
        await asyncio.wait([self._task])
        self._recording.close()
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    async def close(self) -> None:
        """Leave at once."""
        self._task.cancel()
        await asyncio.wait([self._task])

    # -- what it writes

    async def _step(self) -> None:
        kinds = [self._create, self._create, self._save]
        kinds += [self._delete] if self.comments else []
        kinds += [self._write_pair] if self._own else []
        await self._rng.choice(kinds)()

    async def _create(self) -> None:
        text = f"0 {uuid4().hex}"
        payload = await self._mutate(
            "projectCreateComment", parent={"task": str(self._ledger)}, data={"body": text}
        )
        if payload is not None:
            comment = payload["comment"]
            if comment is not None and comment["body"] != text:
                raise self._wrong(f"wrote {text!r} and was answered {comment}")
            self.comments[text] = comment["id"] if comment else ""

    async def _save(self) -> None:
        data = {"position": self.position + 1, "description": uuid4().hex}
        if await self._mutate("projectSaveTask", id=str(self._ledger), data=data) is not None:
            self.position, self.description = data["position"], data["description"]

    async def _delete(self) -> None:
        text = self._rng.choice(sorted(self.comments))
        id_ = self.comments[text]
        if id_ and await self._mutate("projectDeleteComment", id=id_) is not None:
            del self.comments[text]

    async def _write_pair(self) -> None:
        data = {"position": self.own_position + 1, "description": uuid4().hex}
        operations = [{"saveTask": {"id": str(pk), "data": data}} for pk in self._own]
        if await self._mutate("projectWrite", operations=operations) is not None:
            self.own_position, self.own_description = data["position"], data["description"]

    async def _mutate(self, field: str, **variables: Any) -> Any:
        """Write until there is an answer; None: it was refused, and nothing was written.

        Nothing by the attempts before it either: the database is asked about that in the end.
        """
        id_ = uuid4().hex
        given = {"projectId": self.board["project"], "clientMutationId": id_, **variables}
        loop = asyncio.get_running_loop()
        began, attempts = loop.time(), 0
        while True:
            if loop.time() - began > _LONGEST_SECONDS:
                raise self._wrong(f"{field} was not answered for {_LONGEST_SECONDS} s")
            attempts += 1
            try:
                client = await self._connect()
                payload = await client.mutate(field, **given)
            except WriteRefused as refusal:
                self._record(field=field, id=id_, attempts=attempts, refused=refusal.messages)
                self._check(refusal.messages)
                if refusal.codes[0] in _PASSING:
                    await asyncio.sleep(0.2)
                    continue
                self._tally.refused[field] += 1
                self._diary.note(self.name, f"{field} refused: {refusal}, attempt {attempts}")
                return None
            except OperationFailed as error:
                self._record(field=field, id=id_, attempts=attempts, failed=error.errors)
                self._check(error.errors)
                self._tally.errors[f"{error.code} of a mutation"] += 1
                if error.code in NEVER_FOR_MEMBERS:
                    raise self._wrong(f"{field} was refused: {error.errors}") from error
                await asyncio.sleep(0.2)
            except LOST as error:
                self._record(field=field, id=id_, attempts=attempts, lost=repr(error))
                await self._leave()
                await asyncio.sleep(self._rng.uniform(0.05, 0.5))
            else:
                self._record(field=field, id=id_, attempts=attempts, answer=payload)
                self._check(payload)
                self._tally.mutations += 1
                self._tally.repeats += attempts - 1
                self._tally.operations[field] += 1
                return payload

    async def _connect(self) -> SubscriptionClient:
        if self._client is None:
            node = self._rng.choice(self._nodes)
            client = SubscriptionClient(
                node.websocket_url, token=self.person["token"], timeout=_TIMEOUT_SECONDS
            )
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await client.open()
            self._client = client
        return self._client

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await client.drop()

    # -- what must hold

    def missing(self, found: dict[str, Any]) -> list[str]:
        """Return how what is in the database differs from what was acknowledged."""
        wrong = []
        there = Counter(found["comments"])
        wrong += [f"{text!r} is there {count} times" for text, count in there.items() if count > 1]
        wrong += [f"{text!r} was acknowledged and is lost" for text in self.comments.keys() - there]
        wrong += [f"{text!r} was deleted or never written" for text in there.keys() - self.comments]
        for name in ("position", "description"):
            if found[name] != getattr(self, name):
                wrong.append(f"{name} is {found[name]!r}, acknowledged {getattr(self, name)!r}")
        for pk, position, description in found["own"]:
            if (position, description) != (self.own_position, self.own_description):
                wrong.append(f"task {pk} of the pair has {description!r} at {position}")
        return [f"{self.name}: {what}" for what in wrong]

    def _check(self, answer: Any) -> None:
        if found := laws.leaks(answer, self.person["id"]):
            raise self._wrong("; ".join(found))

    def _wrong(self, what: str) -> Violation:
        return Violation(f"{self.name} on board {self.board['project']}: {what}")

    def _record(self, **what: Any) -> None:
        self._recording.write(as_line(what))
        self._recording.flush()
