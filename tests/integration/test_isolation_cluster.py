"""The plays of ``tests/isolation`` with two servers, a shell, MongoDB, PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema

from tests.integration.cluster import Process, cluster
from tests.integration.servers import Server, run_code
from tests.isolation.play import Play
from tests.isolation.worlds import random_world

STEPS = int(os.environ.get("RXGRAPH_ISOLATION_STEPS", "40"))
SEEDS = range(10 if "RXGRAPH_ISOLATION_EXAMPLES" in os.environ else 1)

_SDL = "from rxgraph.serve.schema import get_schema; print(get_schema().as_str())"


class There:
    """Servers of their own; what the application does happens in any of the processes."""

    grace_seconds = 1.0

    def __init__(
        self, rng: random.Random, servers: list[Server], shell: Process, source: Any
    ) -> None:
        self._rng, self._servers, self._shell, self.source = rng, servers, shell, source

    @property
    def urls(self) -> list[str]:
        """The servers."""
        return [f"127.0.0.1:{server.port}" for server in self._servers]

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run *function* in a server, or in the shell."""
        where = self._rng.choice([*self._servers, None])
        if where is None:
            return await asyncio.to_thread(self._shell.call, function, *arguments)
        name = f"{function.__module__}:{function.__name__}"
        first = function.__code__.co_varnames[0]
        operation = {"op": "call", "model": name, "data": {first: arguments[0]}}
        return (await asyncio.to_thread(where.write, operation))[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_receives_what_is_not_for_him(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    world = random_world(rng)
    environ = {
        "TEST_APPS": "tests.isolation.served",
        "ISOLATION_WORLD": json.dumps(world.words),
    }
    with cluster(tmp_path, environ=environ) as here:
        source = build_schema(run_code(here.environ, _SDL))
        venue = There(rng, here.serve(2), here.process(), source)
        score = asyncio.run(Play(rng, world, venue).perform(STEPS))
        assert score.tokens > 0
        assert score.received["bob"]
