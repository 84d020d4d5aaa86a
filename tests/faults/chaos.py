"""How each kind of fault is brought about, and undone again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import redis
from pymongo.errors import PyMongoError

from tests.faults import inside
from tests.faults.children import Gone, Node
from tests.faults.links import Link
from tests.faults.plan import Fault
from tests.faults.services import Daemon
from tests.faults.world import FAR, World


class Chaos:
    """Carries out the faults of one round."""

    def __init__(
        self, world: World, scene: dict[str, Any], settings: Callable[[int, int], Any]
    ) -> None:
        self._world, self._scene, self._settings = world, scene, settings

    async def inflict(self, fault: Fault) -> None:
        """Break something, wait, and mend it."""
        rng = random.Random(fault.seed)
        await _FAULTS[fault.kind](self, fault, rng)

    async def _start(self, node: Node) -> None:
        number = self._world.nodes.index(node)
        await node.start(self._settings(number, node.life + 1))

    # -- servers

    async def kill_server(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        await node.kill()
        await asyncio.sleep(fault.seconds)
        await self._start(node)

    async def stop_server(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        node.send(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        node.send(signal.SIGCONT)

    async def deploy_server(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        node.send(signal.SIGCONT)  # one that stands still could not end in order
        await node.end()
        await self._start(node)

    async def deploy_newer(self, fault: Fault, rng: random.Random) -> None:
        nodes = self._world.nodes
        node = rng.choice([node for number, node in enumerate(nodes) if number != FAR])
        node.send(signal.SIGCONT)
        await node.end()
        await node.start(nursery=self._world.newer)
        await asyncio.sleep(fault.seconds)
        node.send(signal.SIGCONT)
        await node.end()
        await self._start(node)

    async def _order(self, node: Node, fault: Fault, action: str) -> None:
        with contextlib.suppress(Gone):
            await node.call(
                inside.order,
                point=fault.point,
                action=action,
                skip=fault.skip,
                seconds=fault.seconds,
            )

    async def kill_server_at_a_point(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        await self._order(node, fault, "kill")
        await self._bring_back(node, fault)

    async def pause_server_at_a_point(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        await self._order(node, fault, "pause")
        await asyncio.sleep(fault.seconds)

    async def kill_heater(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        await self._order(node, fault, "kill")
        await self.clear_cache(fault, rng)
        await self._bring_back(node, fault)

    async def _bring_back(self, node: Node, fault: Fault) -> None:
        """Start a server again some time after its order has ended it."""
        for _ in range(50):
            if not node.is_up:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(fault.seconds / 2)
        await self._start(node)

    async def clear_cache(self, fault: Fault, rng: random.Random) -> None:
        board = rng.choice(self._scene["boards"])
        with contextlib.suppress(Gone, AssertionError):
            await rng.choice(self._world.writers).call(inside.clear, board["project"])

    async def fill_layer(self, fault: Fault, rng: random.Random) -> None:
        node = rng.choice(self._world.nodes)
        with contextlib.suppress(Gone):
            await node.call(inside.fill, seconds=fault.seconds)
        await asyncio.sleep(fault.seconds)

    # -- writers

    async def kill_writer(self, fault: Fault, rng: random.Random) -> None:
        rng.choice(self._world.writers).send(signal.SIGKILL)

    async def kill_writer_at_a_point(self, fault: Fault, rng: random.Random) -> None:
        writer = rng.choice(self._world.writers)
        with contextlib.suppress(Gone, AssertionError):
            await writer.call(inside.order, fault.point, "kill", fault.skip, 0.0)

    async def stop_writer(self, fault: Fault, rng: random.Random) -> None:
        writer = rng.choice(self._world.writers)
        writer.send(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        writer.send(signal.SIGCONT)

    # -- services

    async def _crash(self, daemon: Daemon, fault: Fault) -> None:
        await asyncio.to_thread(daemon.crash)
        await asyncio.sleep(fault.seconds)
        daemon.start()

    async def _pause(self, daemons: list[Daemon], fault: Fault) -> None:
        for daemon in daemons:
            daemon.pause()
        await asyncio.sleep(fault.seconds)
        for daemon in daemons:
            daemon.resume()

    async def _primary(self) -> Daemon:
        found = await asyncio.to_thread(self._world.services.primary)
        return found or self._world.services.mongo[0]

    async def crash_primary(self, fault: Fault, rng: random.Random) -> None:
        await self._crash(await self._primary(), fault)

    async def stop_primary(self, fault: Fault, rng: random.Random) -> None:
        await self._pause([await self._primary()], fault)

    async def restart_mongo(self, fault: Fault, rng: random.Random) -> None:
        daemons = self._world.services.mongo
        await asyncio.gather(*(asyncio.to_thread(daemon.end) for daemon in daemons))
        await asyncio.sleep(fault.seconds)
        for daemon in daemons:
            daemon.start()

    async def stop_mongo(self, fault: Fault, rng: random.Random) -> None:
        await self._pause(self._world.services.mongo, fault)

    async def lose_store(self, fault: Fault, rng: random.Random) -> None:
        with contextlib.suppress(PyMongoError):
            await asyncio.to_thread(self._world.lose_store)

    async def crash_redis(self, fault: Fault, rng: random.Random) -> None:
        await self._crash(self._world.services.redis, fault)

    async def stop_redis(self, fault: Fault, rng: random.Random) -> None:
        await self._pause([self._world.services.redis], fault)

    async def cut_redis(self, fault: Fault, rng: random.Random) -> None:
        def cut() -> None:
            with redis.Redis.from_url(self._world.services.redis_url, socket_timeout=2) as client:
                for kind in ("pubsub", "normal"):
                    client.client_kill_filter(_type=kind, skipme=True)

        with contextlib.suppress(redis.RedisError):
            await asyncio.to_thread(cut)

    async def crash_postgres(self, fault: Fault, rng: random.Random) -> None:
        await self._crash(self._world.services.postgres, fault)

    async def stop_postgres(self, fault: Fault, rng: random.Random) -> None:
        await self._pause([self._world.services.postgres], fault)

    async def cut_postgres(self, fault: Fault, rng: random.Random) -> None:
        with contextlib.suppress(psycopg.Error):
            await asyncio.to_thread(self._world.cut_database_connections)

    # -- links

    async def _cut(self, whom: str, fault: Fault) -> None:
        link = self._world.link
        if link is not None:
            link.cut(whom)
            await asyncio.sleep(fault.seconds)
            link.mend()

    async def cut_services(self, fault: Fault, rng: random.Random) -> None:
        await self._cut(Link.SERVICES, fault)

    async def cut_clients(self, fault: Fault, rng: random.Random) -> None:
        await self._cut(Link.CLIENTS, fault)


_FAULTS: dict[str, Callable[[Chaos, Fault, random.Random], Awaitable[None]]] = {
    "server killed": Chaos.kill_server,
    "server killed at a point": Chaos.kill_server_at_a_point,
    "server paused at a point": Chaos.pause_server_at_a_point,
    "server stopped": Chaos.stop_server,
    "server deployed": Chaos.deploy_server,
    "server of a newer version": Chaos.deploy_newer,
    "writer killed": Chaos.kill_writer,
    "writer killed at a point": Chaos.kill_writer_at_a_point,
    "writer stopped": Chaos.stop_writer,
    "heater killed": Chaos.kill_heater,
    "mutating server killed": Chaos.kill_server_at_a_point,
    "cache cleared": Chaos.clear_cache,
    "MongoDB primary killed": Chaos.crash_primary,
    "MongoDB primary stopped": Chaos.stop_primary,
    "MongoDB restarted": Chaos.restart_mongo,
    "MongoDB stopped": Chaos.stop_mongo,
    "MongoDB lost its data": Chaos.lose_store,
    "Redis killed": Chaos.crash_redis,
    "Redis stopped": Chaos.stop_redis,
    "Redis connections cut": Chaos.cut_redis,
    "PostgreSQL killed": Chaos.crash_postgres,
    "PostgreSQL stopped": Chaos.stop_postgres,
    "PostgreSQL connections cut": Chaos.cut_postgres,
    "link to services cut": Chaos.cut_services,
    "link to clients cut": Chaos.cut_clients,
    "channel layer full": Chaos.fill_layer,
}
