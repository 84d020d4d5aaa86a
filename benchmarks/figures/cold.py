"""The first state of an anchor that nobody has looked at yet."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.conversation import Tape, state_of
from benchmarks.dialects import dialect_of
from benchmarks.figure import Figure, median, ms, ratio
from benchmarks.ground import OURS, THEIRS
from benchmarks.processes import Server
from benchmarks.run import Run, ask, say
from benchmarks.sockets import subscribe

_LAYERS = 3
_HOT = 3  # visits after the first one
_LONGEST_SECONDS = 180.0


async def measure(run: Run) -> Figure:
    """Connect to cold projects, each side in turn, then to the same again while they are hot."""
    samples: dict[str, dict[str, list[float]]] = {
        side: {"cold": [], "hot": [], "sql": [], "bytes": [], "memory": []} for side in run.sides
    }
    statements: dict[str, dict[str, int]] = {}
    servers = {side: run.ground.server(side) for side in run.sides}
    is_equal = True
    for side, server in servers.items():
        seed = run.seeds[side]
        client = await subscribe(Tape(dialect_of(side)), server.port, seed.warm_up, seed.token)
        client.close()
    for round_ in range(run.choices.cold_rounds):
        for side in run.turns(round_):
            found = await _visit(run, side, servers[side], round_)
            statements[side] = found["statements"]
            samples[side]["cold"].append(found["cold"])
            samples[side]["hot"].extend(found["hot"])
            samples[side]["sql"].append(sum(found["statements"].values()))
            samples[side]["bytes"].append(found["bytes"])
            samples[side]["memory"].append(found["memory"])
            is_equal &= found["is_equal"]
            say(f"  {side}: cold {ms(found['cold'])}, hot {ms(median(found['hot']))}")
    for server in servers.values():
        server.stop()

    ours, theirs = samples[OURS], samples.get(THEIRS)
    figure = Figure(
        "cold",
        f"First state of {run.choices.instances:,} instances",
        ("", "RxGraph", "RxDjango", "ratio"),
    )
    for name, text in (("cold", "from connecting to the cold state"), ("hot", "again, hot")):
        mine, other = median(ours[name]), median(theirs[name]) if theirs else None
        figure.add(text, ms(mine), ms(other), ratio(mine, other))
    for name, text in (("sql", "SQL statements, cold"), ("bytes", "bytes received")):
        mine, other = median(ours[name]), median(theirs[name]) if theirs else None
        figure.add(text, f"{mine:,.0f}", f"{other:,.0f}" if other else "–", ratio(mine, other))
    mine, other = ours["memory"][0], theirs["memory"][0] if theirs else None
    figure.add(
        "memory of the server, peak over before, first visit",
        f"{mine / 1e6:.1f} MB",
        f"{other / 1e6:.1f} MB" if other else "–",
        ratio(mine, other),
    )
    if theirs:
        part = median(ours["cold"]) / median(theirs["cold"])
        figure.promise(f"cold in at most 1/15 of RxDjango's time ({part:.3f})", part <= 1 / 15)
    allowed = _LAYERS + 3
    reading = sum(n for sql, n in statements[OURS].items() if not _is_admission(sql))
    figure.promise(
        f"at most layers + 3 = {allowed} SQL statements to heat ({reading})", reading <= allowed
    )
    figure.promise("every client has what DRF renders", is_equal)
    figure.data = {"samples": samples, "statements": statements}
    return figure


async def _visit(run: Run, side: str, server: Server, round_: int) -> dict[str, Any]:
    seed = run.seeds[side]
    project, tape = seed.large[round_], Tape(dialect_of(side))
    before = server.usage()
    client = await subscribe(tape, server.port, project, seed.token, seconds=_LONGEST_SECONDS)
    cold = client.first_state.result()
    after = server.usage()
    client.close()
    hot = []
    for _ in range(_HOT):
        again = await subscribe(tape, server.port, project, seed.token, seconds=_LONGEST_SECONDS)
        hot.append(again.first_state.result())
        again.close()
    rendered = await ask(run.workers[side], "render", project=project)
    counted = Counter(after["statements"]) - Counter(before["statements"])
    return {
        "cold": cold,
        "hot": hot,
        "memory": after["peak_bytes"] - before["rss_bytes"],
        "bytes": client.conversation.bytes,
        "is_equal": state_of(client.conversation, {}) == rendered,
        "statements": {sql: n for sql, n in counted.items() if not is_sweep(sql)},
    }


def is_sweep(sql: str) -> bool:
    """Return True for what a server asks every few seconds, whoever is there."""
    return '"rxgraph_intent" WHERE "created_at"' in sql


def _is_admission(sql: str) -> bool:
    """Return True for finding out who the client is."""
    return "authtoken" in sql or "auth_user" in sql
