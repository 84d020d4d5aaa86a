"""One round: write, watch and break things at once; then let all be whole and look.

The end of a round is the checker's: everybody converges to what DRF renders in a process that has
seen nothing, what was acknowledged is there once, and nothing is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from tests.faults import inside, work
from tests.faults.chaos import Chaos
from tests.faults.children import Gone, Node, Writer
from tests.faults.clients import LOST, ListRecorder, Recorder, Stranger
from tests.faults.mutators import Mutator
from tests.faults.plan import NEEDS_LINK, Fault, Plan, changes
from tests.faults.tally import Diary, Tally, Violation
from tests.faults.world import World
from tests.integration import board_work
from tests.integration.board_clients import difference

CONVERGE_SECONDS = 60.0
_LEFT_SECONDS = 40.0


class Round:
    """One round of a run."""

    def __init__(self, world: World, plan: Plan, tally: Tally, diary: Diary) -> None:
        self._world, self._plan, self._tally, self._diary = world, plan, tally, diary
        self._recorders: list[Recorder] = []
        self._mutators: list[Mutator] = []
        self._is_over = False

    @property
    def _clients(self) -> list[Recorder | Mutator]:
        return [*self._recorders, *self._mutators]

    async def play(self) -> None:
        """Play it.

        Raises:
            Violation: a promise was broken.
        """
        scene = await self._world.writers[0].call(work.make_boards)
        self._scene = scene
        self._watch(scene)
        try:
            await self._mutate(scene)
            await self._break(scene)
            await self._check(scene)
        except Violation:
            await self._save_standing()
            raise
        finally:
            for client in self._clients:
                await client.close()

    async def _save_standing(self) -> None:
        """Write down what the servers are waiting for, while they do."""
        for node in self._world.nodes:
            with contextlib.suppress(Gone):
                text = await node.call(inside.standing)
                (self._diary.folder / f"{node.name}.txt").write_text(text)
        records = await asyncio.to_thread(self._world.records)
        (self._diary.folder / "records.txt").write_text("\n".join(map(str, records)))

    def _watch(self, scene: dict[str, Any]) -> None:
        kinds: dict[str, type[Recorder]] = {"list": ListRecorder, "stranger": Stranger}
        for number, watcher in enumerate(self._plan.watchers):
            board = scene["boards"][watcher.board]
            home = scene["boards"][1 - watcher.board] if watcher.kind == "stranger" else board
            person = scene["people"][str(home["people"][watcher.person])]
            variables = {} if watcher.kind == "list" else {"projectId": board["project"]}
            self._recorders.append(
                kinds.get(watcher.kind, Recorder)(
                    f"client-{number}",
                    watcher,
                    person,
                    variables,
                    self._world.nodes,
                    self._tally,
                    self._diary,
                )
            )

    async def _mutate(self, scene: dict[str, Any]) -> None:
        for watcher in self._plan.mutators:
            board = scene["boards"][watcher.board]
            person = scene["people"][str(board["people"][watcher.person])]
            key = (board["project"], person["id"])
            written = await self._world.writers[0].call(work.written, *key)
            self._mutators.append(
                Mutator(
                    watcher, board, person, written, self._world.nodes, self._tally, self._diary
                )
            )

    # -- the loud part

    async def _break(self, scene: dict[str, Any]) -> None:
        chaos = Chaos(self._world, scene, self._plan.settings)
        writing = [
            asyncio.create_task(self._write(number, seed))
            for number, seed in enumerate(self._plan.writers)
        ]
        faults = [
            asyncio.create_task(self._inflict(chaos, fault))
            for fault in self._plan.faults
            if self._world.link or fault.kind not in NEEDS_LINK
        ]
        try:
            over = time.monotonic() + self._plan.seconds
            while time.monotonic() < over:
                await asyncio.sleep(0.2)
                self._raise()
            await asyncio.gather(*faults)
        finally:
            self._is_over = True
            for task in faults:
                task.cancel()
            await self._world.heal()
            await asyncio.wait([*writing, *faults])
        for task in (*writing, *faults):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        await self._disarm()

    async def _inflict(self, chaos: Chaos, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        self._diary.note("fault", str(fault))
        self._tally.faults[fault.kind] += 1
        await chaos.inflict(fault)
        self._diary.note("fault", f"{fault.kind} is over")

    async def _write(self, number: int, seed: int) -> None:
        """Write without a pause, now and then through a server's own process."""
        writer = self._world.writers[number]
        for turn, (name, chosen) in enumerate(changes(seed, work.CHANGES)):
            if self._is_over:
                return
            node = self._world.nodes[chosen % len(self._world.nodes)]
            outcome = await self._change(node if turn % 5 == 4 else writer, name, chosen)
            if outcome in ("done", "undone"):
                self._tally.operations[name] += 1
            else:
                self._tally.refused[name] += 1
                await asyncio.sleep(0.05)
            self._diary.note(writer.name, f"{name} {chosen}: {outcome}")

    async def _change(self, where: Node | Writer, name: str, seed: int) -> str:
        try:
            if isinstance(where, Writer):
                return str(await where.call(work.run, seed, name, self._scene))
            return str(await where.call(work.run_within, seed=seed, name=name, scene=self._scene))
        except Gone as error:
            return f"gone: {error}"
        except AssertionError as error:  # what failed in the process
            return f"failed: {str(error).strip().splitlines()[-1][:120]}"

    async def _disarm(self) -> None:
        for node in self._world.nodes:
            with contextlib.suppress(Gone):
                self._tally.points.update(await node.call(inside.disarm))
        for writer in self._world.writers:
            with contextlib.suppress(Gone):
                self._tally.points.update(await writer.call(inside.disarm))
        await self._world.heal()  # who met his order meanwhile

    def _raise(self) -> None:
        for client in self._clients:
            if client.violation is not None:
                raise client.violation

    # -- the quiet part

    async def _check(self, scene: dict[str, Any]) -> None:
        healed = time.monotonic()
        self._diary.note("round", "all is whole again")
        for recorder in self._recorders:
            recorder.calm()
        await asyncio.gather(*(mutator.finish() for mutator in self._mutators))
        self._raise()
        checker = self._world.fresh("checker")
        try:
            await self._compare_writes(checker)
            wanted = await self._wanted(checker)
            await self._converge(wanted, healed)
            await self._query(wanted)
        finally:
            await checker.close()
        for client in self._clients:
            await client.close()
        await self._left(scene)

    async def _compare_writes(self, checker: Writer) -> None:
        for mutator in self._mutators:
            key = (mutator.board["project"], mutator.person["id"])
            wrong = mutator.missing(await checker.call(work.written, *key))
            if wrong:
                raise Violation("; ".join(wrong))

    async def _wanted(self, checker: Writer) -> dict[Recorder, Any]:
        known: dict[tuple[Any, ...], Any] = {}
        wanted: dict[Recorder, Any] = {}
        for recorder in self._recorders:
            if isinstance(recorder, Stranger):
                wanted[recorder] = None
                continue
            user, project = recorder.person["id"], recorder.variables.get("projectId")
            if (user, project) not in known:
                known[user, project] = await (
                    checker.call(board_work.expected, project, user)
                    if project is not None
                    else checker.call(work.listed, user)
                )
            wanted[recorder] = known[user, project]
        return wanted

    async def _converge(self, wanted: dict[Recorder, Any], healed: float) -> None:
        """Wait until every client shows what DRF renders for its user."""
        while True:
            self._raise()
            behind = {
                r.name: found for r, state in wanted.items() if (found := r.difference(state))
            }
            if not behind:
                break
            if time.monotonic() - healed > CONVERGE_SECONDS:
                raise Violation(f"no convergence after {CONVERGE_SECONDS} s: {behind}")
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - healed
        self._tally.converged({fault.kind for fault in self._plan.faults}, seconds)
        self._diary.note("round", f"converged after {seconds:.2f} s")

    async def _query(self, wanted: dict[Recorder, Any]) -> None:
        """Ask each server once for each client's state."""
        for recorder, state in wanted.items():
            for node in self._world.nodes:
                try:
                    found = await recorder.query(node)
                except LOST as error:
                    raise Violation(f"{node.name} answers no query: {error!r}") from error
                self._tally.queries += 1
                if what := difference(found, state):
                    raise Violation(f"{node.name} answers {recorder.name} with {what}")

    async def _left(self, scene: dict[str, Any]) -> None:
        """Wait until nothing is left of the round but its rows."""
        began, buried = time.monotonic(), False
        while left := [item async for item in self._leftovers(scene)]:
            if time.monotonic() - began > _LEFT_SECONDS:
                raise Violation(f"left behind: {'; '.join(left)}")
            await asyncio.sleep(0.2)
            if not buried and time.monotonic() - began > 9:
                # Heartbeats of the killed have ended by now; servers bury every half minute.
                buried = True
                await self._world.writers[0].call(board_work.bury)

    async def _leftovers(self, scene: dict[str, Any]) -> Any:
        for node in self._world.nodes:
            facts = await node.facts()
            for name in ("replicas", "contexts"):
                if facts[name]:
                    yield f"{node.name} holds {name} {facts[name]}"
            if facts["groups"] > 2:  # its own, and everybody's
                yield f"{node.name} is in {facts['groups']} groups"
            if facts["tasks"]:
                yield f"{node.name} runs {facts['tasks']}"
        for what in await asyncio.to_thread(self._world.intents):
            yield what
        for record in await asyncio.to_thread(self._world.records):
            if record.get("sessions") and record["_id"]["c"]:
                yield f"{record['_id']} has sessions {record['sessions']}"


def seeds(first: int) -> Iterator[int]:
    """Yield the seeds of the rounds of a run."""
    while True:
        yield first
        first += 1
