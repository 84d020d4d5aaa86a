"""Rates of several processes over MongoDB: one burst for all of them, and few round trips."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from uuid import uuid4

from tests.conftest import service
from tests.integration.servers import ROOT

_PROCESSES = 3
_RATE, _BURST = 5.0, 80.0
_FLOOD = """
import asyncio, json, sys, time
from rxgraph.cache.buckets import Spend
from rxgraph.cache.mongo import AsyncMongoStore
from rxgraph.errors import RateLimited
from rxgraph.serve.limits.rates import Rate

async def main(url, rate, burst, seconds):
    until = time.time() + seconds
    store, asked = AsyncMongoStore(url, driver="pymongo"), 0
    async def exchange(spent):
        nonlocal asked
        asked += 1
        return await store.perform(Spend(spent))
    limited, done, tried = Rate("operations", rate, burst, exchange), 0, 0
    while time.time() < until:
        tried += 1
        try:
            await limited.take("ann")
            done += 1
        except RateLimited:
            await asyncio.sleep(0.002)
    await store.close()
    print(json.dumps({"done": done, "asked": asked, "tried": tried}))

asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
"""


async def test_processes_that_are_flooded_share_one_burst_and_one_rate() -> None:
    scheme, rest = service("MONGO_URL").split("://", 1)
    url = f"{scheme}://{rest.partition('/')[0]}/rxgraph_test_{uuid4().hex[:12]}"
    begun = time.time()
    arguments = ["-c", _FLOOD, url, str(_RATE), str(_BURST), "4"]
    try:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            for _ in range(_PROCESSES)
        ]
        outputs = [(await process.communicate())[0] for process in processes]
    finally:
        from pymongo import MongoClient

        with MongoClient[dict[str, object]](url) as client:
            client.drop_database(client.get_default_database().name)
    found = [json.loads(output) for output in outputs]
    done = sum(item["done"] for item in found)
    seconds = time.time() - begun
    assert done >= _BURST
    assert done <= _BURST + _RATE * seconds + _PROCESSES * (_BURST / 8 + 1)
    for item in found:
        assert item["asked"] <= item["done"]  # at most one round trip each; none for a refusal
    assert sum(item["tried"] for item in found) > 2 * done  # it was a flood
