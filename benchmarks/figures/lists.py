"""Lists: a thousand small anchors, and one creation that a thousand clients hear of."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.conversation import Tape, state_of
from benchmarks.dialects.lists import FEED, SHELF, list_dialect_of
from benchmarks.figure import Figure, median, ms, quantile, ratio
from benchmarks.figures.cold import is_sweep
from benchmarks.ground import OURS
from benchmarks.processes import Worker
from benchmarks.run import Run, ask, say
from benchmarks.sockets import Client, subscribe

_LONGEST_SECONDS = 300.0
_AT_ONCE = 20  # clients that connect at the same time
_HOT = 2  # visits after the first one
_MOST_STATEMENTS = 30  # whatever the number of anchors
_FEED = 10  # projects that everybody sees before one is created


@dataclass
class Visit:
    """A first state and what it cost the server."""

    seconds: float
    statements: int
    commands: int
    groups: int
    is_equal: bool


Visits = list[tuple[Visit, list[Visit]]]


@dataclass
class Crowd:
    """What happened when projects were created before a crowd."""

    clients: int
    latencies: list[float] = field(default_factory=list)  # of every client and creation
    last: list[float] = field(default_factory=list)  # of the slowest client, by creation
    checks: list[int] = field(default_factory=list)  # hooks that were asked, by creation
    statements: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    membership: list[float] = field(default_factory=list)  # until the new owner has it
    equal: int = 0


async def attach(run: Run) -> Figure:
    """Connect to a list of many small anchors, cold, then while it is shown."""
    found: dict[str, Visits] = {side: [] for side in run.sides}
    workers = {side: run.ground.worker(side, lists=True) for side in run.sides}
    shelves = [run.choices.anchors] * run.choices.list_rounds
    prepared = {side: await _prepare(run, workers[side], shelves) for side in run.sides}
    for round_ in range(run.choices.list_rounds):
        for side in run.turns(round_):
            shelf = prepared[side]["shelves"][round_]  # nobody has looked at it
            found[side].append(await _attach(run, side, workers[side], shelf))
            cold, hot = found[side][-1]
            say(f"  {side}: cold {ms(cold.seconds)}, hot {ms(median([h.seconds for h in hot]))}")
    figure = Figure(
        "attach",
        f"A list of {run.choices.anchors:,} anchors of 3 instances",
        ("", "RxGraph", "RxDjango", "ratio"),
        data={
            side: [(vars(c), [vars(h) for h in hot]) for c, hot in v] for side, v in found.items()
        },
    )
    for text, pick in (("cold", _cold), ("again, hot", _hot)):
        mine = pick(found[OURS])
        other = next((pick(v) for side, v in found.items() if side != OURS), None)
        for name in ("seconds", "statements", "commands", "groups"):
            ours, theirs = _median(mine, name), _median(other, name) if other else None
            show = ms if name == "seconds" else _count
            figure.add(f"{text}: {_NAMES[name]}", show(ours), show(theirs), ratio(ours, theirs))
    first = _cold(found[OURS])
    figure.promise(
        f"cold in at most {_MOST_STATEMENTS} SQL statements ({_median(first, 'statements'):g})",
        _median(first, "statements") <= _MOST_STATEMENTS,
    )
    figure.promise(
        f"at most 2 channel-layer groups ({_median(first, 'groups'):g})",
        _median(first, "groups") <= 2,
    )
    is_equal = all(visit.is_equal for visit in (*first, *_hot(found[OURS])))
    figure.promise("every client has what DRF renders", is_equal)
    figure.notes.append("SQL leaves out BEGIN and COMMIT; MongoDB counts commands of all kinds")
    return figure


def _cold(visits: Visits) -> list[Visit]:
    return [cold for cold, _ in visits]


def _hot(visits: Visits) -> list[Visit]:
    return [visit for _, hot in visits for visit in hot]


_NAMES = {
    "seconds": "from connecting to the whole list",
    "statements": "SQL statements",
    "commands": "MongoDB commands",
    "groups": "channel-layer groups joined",
}


def _median(visits: Sequence[Visit], name: str) -> float:
    return median([getattr(visit, name) for visit in visits])


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


async def _prepare(run: Run, worker: Worker, shelves: list[int]) -> dict[str, Any]:
    prepared: dict[str, Any] = await ask(
        worker, "prepare_lists", shelves=shelves, users=run.choices.users, feed=_FEED
    )
    return prepared


async def _attach(
    run: Run, side: str, worker: Worker, shelf: dict[str, Any]
) -> tuple[Visit, list[Visit]]:
    server, dialect = run.ground.server(side, lists=True), list_dialect_of(side, SHELF)
    rendered = await ask(worker, "render_list", user=shelf["user"], channel=SHELF)
    kept: list[Client] = []

    async def visit() -> Visit:
        tape, before = Tape(dialect), await asyncio.to_thread(server.usage)
        client = await subscribe(tape, server.port, 0, shelf["token"], seconds=_LONGEST_SECONDS)
        after = await asyncio.to_thread(server.usage)
        kept.append(client)
        return Visit(
            client.first_state.result(),
            _difference(before, after, "statements"),
            _difference(before, after, "commands"),
            _difference(before, after, "groups"),
            state_of(client.conversation, {}) == rendered,
        )

    try:
        cold = await visit()
        return cold, [await visit() for _ in range(_HOT)]
    finally:
        for client in kept:
            client.close()
        server.stop()


def _difference(before: dict[str, Any], after: dict[str, Any], kind: str) -> int:
    counted = Counter(after[kind]) - Counter(before[kind])
    return sum(count for name, count in counted.items() if not is_sweep(name))


# -- a crowd


async def create(run: Run) -> Figure:
    """Create projects that everybody lists, before clients of several users; then move one."""
    crowds = {side: await _create(run, side) for side in run.sides}
    ours = crowds[OURS]
    theirs = next((crowd for side, crowd in crowds.items() if side != OURS), None)
    users = run.choices.users
    figure = Figure(
        "create",
        f"One creation before {ours.clients:,} clients of {users} users (auto_update)",
        ("", "RxGraph", "RxDjango", "ratio"),
        data={side: vars(crowd) for side, crowd in crowds.items()},
    )

    def add(text: str, value: Any, show: Any) -> None:
        mine, other = value(ours), value(theirs) if theirs else None
        figure.add(text, show(mine), show(other), ratio(mine, other))

    add("from the save to a client, p50", lambda c: quantile(c.latencies, 0.5), ms)
    add("to the last client", lambda c: median(c.last), ms)
    add("permission checks (hooks asked)", lambda c: median(c.checks), _count)
    add("SQL statements of the server", lambda c: median(c.statements), _count)
    add("server CPU per client", lambda c: median(c.cpu) / c.clients, ms)
    figure.add(
        "a project changes its owner: to his clients, p50", ms(median(ours.membership)), "–", ""
    )
    most = max(ours.checks)
    figure.promise(f"permission checks: at most one a user ({most} of {users})", most <= users)
    is_equal = ours.equal == ours.clients == run.choices.subscribers // users * users
    figure.promise("every client has what DRF renders", is_equal)
    figure.notes.append(
        "clients, writer, server and services share the machine's cores; RxDjango's lists do not"
        " follow a change of the owner"
    )
    return figure


async def _create(run: Run, side: str) -> Crowd:
    worker = run.ground.worker(side, lists=True)
    made = await _prepare(run, worker, [])
    server, tape = run.ground.server(side, lists=True), Tape(list_dialect_of(side, FEED))
    tokens = [token for token in made["tokens"] for _ in range(_each(run))]
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(token: str) -> Client:
        async with places:
            return await subscribe(tape, server.port, 0, token, seconds=_LONGEST_SECONDS)

    clients = [await one(tokens[0])]  # heats it
    clients += await asyncio.gather(*map(one, tokens[1:]))
    await asyncio.sleep(1)
    crowd = Crowd(len(clients))
    say(f"  {side}: {len(clients)} clients")
    for number in range(run.choices.creations + 1):
        before = await asyncio.to_thread(server.usage)
        committed = await ask(worker, "create_listed", mark=number)
        arrived = await _arrivals(clients, number)
        await asyncio.sleep(0.5)
        after = await asyncio.to_thread(server.usage)
        if number:  # the first one warms up
            crowd.latencies += [when - committed for when in arrived]
            crowd.last.append(max(arrived, default=committed) - committed)
            crowd.checks.append(_difference(before, after, "checks"))
            crowd.statements.append(_difference(before, after, "statements"))
            crowd.cpu.append(after["cpu_seconds"] - before["cpu_seconds"])
    if side == OURS:
        for number in range(run.choices.creations):
            user, mark = made["users"][number % len(made["users"])], 1000 + number
            committed = await ask(worker, "give_away", user=user, mark=mark)
            place = number % len(made["users"]) * _each(run)
            new = clients[place : place + _each(run)]
            arrived = await _arrivals(new, mark)
            crowd.membership += [when - committed for when in arrived]
    await asyncio.sleep(1)
    known: dict[tuple[int, ...], Any] = {}
    for user, start in zip(made["users"], range(0, len(clients), _each(run)), strict=True):
        rendered = await ask(worker, "render_list", user=user, channel=FEED)
        for client in clients[start : start + _each(run)]:
            crowd.equal += state_of(client.conversation, known) == rendered
    for client in clients:
        client.close()
    server.stop()
    say(f"  {side}: {crowd.equal} of {len(clients)} clients equal, checks {crowd.checks}")
    return crowd


def _each(run: Run) -> int:
    return max(1, run.choices.subscribers // run.choices.users)


async def _arrivals(clients: Sequence[Client], mark: int) -> list[float]:
    """Return when each client was told *mark*; all of them, or those of half a minute."""
    for _ in range(1200):
        if all(any(newest >= mark for _, newest in c.arrivals) for c in clients):
            break
        await asyncio.sleep(0.05)
    found = (
        next((when for when, newest in client.arrivals if newest >= mark), None)
        for client in clients
    )
    return [when for when in found if when is not None]
