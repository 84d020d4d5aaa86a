"""The store of several processes: MongoDB, blocking and on an event loop.

This is the one module that touches a driver: ``pymongo`` for threads; ``motor`` or pymongo's own
asynchronous client for event loops. What is asked is in ``mongo_requests``, how it is stored in
``mongo_codec``.

Durability. What must last is written with ``w: majority`` and everything is read from the primary
with read concern ``majority``. Documents, and swaps that a later one makes durable, need no more
than ``w: 1``: journal and oplog keep the order, so that a majority has them when it has what came
after (0.5 ms less for each, measured). An anchor's ``seq`` is a fencing token, and its
``done`` is what clients have seen: on a replica set neither may be rolled back by a failover, and
no document may be missing under a ``done`` that counts it. On a single server it means that the
journal is on disk (0.2 ms a write), so that killing it takes nothing back either.

Clients belong to a process (pymongo's threads and sockets do not survive a fork), and asynchronous
ones to an event loop too: they are made when they are first used there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from bson.errors import BSONError
from pymongo import (
    IndexModel,
    MongoClient,
    ReplaceOne,
    ReturnDocument,
    UpdateOne,
    WriteConcern,
)
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, PyMongoError

from rxgraph.cache import mongo_requests as requests
from rxgraph.cache.anchor import Anchor
from rxgraph.cache.breaker import Breaker
from rxgraph.cache.mongo_requests import (
    Aggregate,
    Breathe,
    Delete,
    EnsureIndexes,
    Find,
    Insert,
    Replace,
    Update,
)
from rxgraph.cache.steps import Procedure, Step, run, run_async
from rxgraph.counters import STORE_ERRORS
from rxgraph.errors import BackendAway, BackendError
from rxgraph.types import JSON, AnchorKey

T = TypeVar("T")

#: Class of the asynchronous client by the name of the driver.
DRIVERS = {
    "motor": ("motor.motor_asyncio", "AsyncIOMotorClient"),
    "pymongo": ("pymongo", "AsyncMongoClient"),
}

_DUPLICATE_KEY = 11000
_FAST = WriteConcern(1)
_NO_CHANGE = {"$setOnInsert": {"v": 0}}  # nothing is inserted, so that it only counts
_RETURNED: dict[str, Any] = {"upsert": True, "return_document": ReturnDocument.AFTER}
#: Documents in one answer: decoding it keeps a process busy for a few milliseconds.
_ONE_BATCH = 5_000
_FAILURES = (PyMongoError, BSONError, UnicodeEncodeError, OverflowError)


class MongoStore:
    """Blocking side of the store; safe to use from several threads and after a fork."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 5.0,
        client_options: Mapping[str, Any] = {},
        breaker: Breaker | None = None,
    ) -> None:
        """Remember where the store is; the first use connects.

        *client_options* go to the driver's client as they are. *breaker*: what stands before all
        requests; None: each of them waits for an answer, or for its timeout.
        """
        self._place = _Place(url, breaker)
        self._options = _options(timeout_seconds) | dict(client_options)
        self._clients: dict[int, MongoClient[dict[str, Any]]] = {}
        self._collections: dict[tuple[int, str, bool], Any] = {}
        self._indexed: set[tuple[int, str]] = set()

    def perform(self, step: Step[T]) -> T:
        """Answer one store step.

        Raises:
            BackendError: MongoDB did not answer in time.
        """
        return cast("T", self._run(type(step).__name__, requests.requests_for(step)))

    def load_anchors(self, keys: Iterable[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Return the records of several anchors in one round trip; not stored: ``Anchor()``."""
        return self._run("load_anchors", requests.load_anchors(keys))

    def list_anchors(self) -> list[tuple[AnchorKey, Anchor]]:
        """Return every stored record, for status and expiry."""
        return self._run("list_anchors", requests.list_anchors())

    def count_phases(self) -> dict[tuple[str, str], int]:
        """Return how many records there are, by channel and phase: for metrics."""
        return self._run("count_phases", requests.count_phases())

    def beat(self, session: str, until: float, told: JSON = None) -> None:
        """Say that the process *session* lives at least until *until* (Unix seconds).

        *told* is what it says of itself, for status.
        """
        self._run("beat", requests.beat(session, until, told))

    def living_sessions(self, now: float) -> dict[str, JSON]:
        """Return what the processes that live say of themselves, by session."""
        return self._run("living_sessions", requests.living_sessions(now))

    def dead_sessions(self, now: float) -> frozenset[str]:
        """Return the sessions that anchors name and whose heartbeat is missing or has ended."""
        return self._run("dead_sessions", requests.dead_sessions(now))

    def forget_session(self, session: str) -> None:
        """Remove the heartbeat of a process that has ended."""
        self._run("forget_session", requests.forget_session(session))

    def claim_roots(
        self, channel: str, roots: Iterable[str], now: float, until: float
    ) -> frozenset[str]:
        """Keep *roots* of a list channel cached until then; answers those not kept at *now*."""
        return self._run("claim_roots", requests.claim_roots(channel, roots, now, until))

    def forget_claims(self, before: float) -> None:
        """Remove the claims that ran out before then (Unix seconds)."""
        self._run("forget_claims", requests.forget_claims(before))

    def close(self) -> None:
        """Give back connections and threads; a later use connects again."""
        self._collections.clear()
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _run(self, operation: str, procedure: Procedure[T]) -> T:
        self._place.check()
        try:
            return run(procedure, self._ask)
        except _FAILURES as error:
            raise self._place.failure(operation, error) from error

    def _client(self) -> MongoClient[dict[str, Any]]:
        process = os.getpid()
        client = self._clients.get(process)
        if client is None:
            # No lock: a fork may have copied it while it was held.
            created: MongoClient[dict[str, Any]] = MongoClient(self._place.url, **self._options)
            client = self._clients.setdefault(process, created)
            if client is not created:
                created.close()
        return client

    def _collection(self, name: str, is_durable: bool = True) -> Any:
        key = (os.getpid(), name, is_durable)
        found = self._collections.get(key)
        if found is None:
            database = self._client()[self._place.database]
            found = self._collections[key] = _collection(database, name, is_durable)
        return found

    def _ask(self, request: Step[Any]) -> Any:
        match request:
            case Find(name, filter_):
                return list(self._collection(name).find(filter_, batch_size=_ONE_BATCH))
            case Aggregate(name, pipeline):
                return list(self._collection(name).aggregate(pipeline, batchSize=_ONE_BATCH))
            case Insert(name, documents, is_durable):
                try:
                    self._collection(name, is_durable).insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    return _taken(error)
                return frozenset()
            case Replace(name, [(filter_, document)], upsert, is_durable, None):
                collection = self._collection(name, is_durable)
                try:  # half the price of a bulk of one
                    one = collection.replace_one(filter_, document, upsert=upsert)
                except DuplicateKeyError:
                    return 0
                return one.matched_count + (one.upserted_id is not None)
            case Replace(name):
                collection = self._collection(name, request.is_durable)
                try:
                    result = collection.bulk_write(_replacements(request), ordered=False)
                except BulkWriteError as error:
                    return _stored(error)
                return result.matched_count + result.upserted_count
            case Update(name, [(id_, pipeline)]):
                collection = self._collection(name, is_durable=False)
                return [collection.find_one_and_update({"_id": id_}, pipeline, **_RETURNED)]
            case Update(name):
                self._collection(name, is_durable=False).bulk_write(_updates(request), False)
                return []
            case Delete(name, filter_):
                self._collection(name).delete_many(filter_)
                return None
            case EnsureIndexes(name):
                seen = (os.getpid(), name)
                if seen not in self._indexed:
                    self._collection(name).create_indexes(_indexes(request))
                    self._indexed.add(seen)
                return None
            case Breathe():
                return None
        raise TypeError(f"no request to MongoDB: {request!r}")


class AsyncMongoStore:
    """The same store from an event loop."""

    def __init__(
        self,
        url: str,
        *,
        driver: str = "motor",
        timeout_seconds: float = 5.0,
        client_options: Mapping[str, Any] = {},
        breaker: Breaker | None = None,
    ) -> None:
        """Remember where the store is; the first use connects.

        Raises:
            ValueError: there is no such driver.
        """
        if driver not in DRIVERS:
            raise ValueError(
                f"RXGRAPH['MONGO_DRIVER'] is {driver!r}; write one of {', '.join(sorted(DRIVERS))}"
            )
        self._place = _Place(url, breaker)
        self._options = _options(timeout_seconds) | dict(client_options)
        self.driver = driver
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._client: Any = None
        self._indexed: set[str] = set()

    async def perform(self, step: Step[T]) -> T:
        """Answer one store step.

        Raises:
            BackendError: MongoDB did not answer in time.
        """
        return cast("T", await self._run(type(step).__name__, requests.requests_for(step)))

    async def load_anchors(self, keys: Iterable[AnchorKey]) -> dict[AnchorKey, Anchor]:
        """Return the records of several anchors in one round trip; not stored: ``Anchor()``."""
        return await self._run("load_anchors", requests.load_anchors(keys))

    async def beat(self, session: str, until: float, told: JSON = None) -> None:
        """Say that the process *session* lives at least until *until* (Unix seconds)."""
        await self._run("beat", requests.beat(session, until, told))

    async def forget_session(self, session: str) -> None:
        """Remove the heartbeat of a process that has ended."""
        await self._run("forget_session", requests.forget_session(session))

    async def close(self) -> None:
        """Give back connections; a later use connects again."""
        client, home = self._client, self._home
        self._client = self._home = None
        if client is not None and home == (os.getpid(), asyncio.get_running_loop()):
            closing = client.close()
            if self.driver == "pymongo":
                await closing

    async def _run(self, operation: str, procedure: Procedure[T]) -> T:
        self._place.check()
        try:
            return await run_async(procedure, self._ask)
        except _FAILURES as error:
            raise self._place.failure(operation, error) from error

    def _database(self) -> Any:
        home = (os.getpid(), asyncio.get_running_loop())
        if self._home != home:
            module, name = DRIVERS[self.driver]
            self._client = getattr(import_module(module), name)(self._place.url, **self._options)
            self._home = home
            self._indexed = set()
        return self._client[self._place.database]

    async def _ask(self, request: Step[Any]) -> Any:
        database = self._database()
        match request:
            case Find(name, filter_):
                return await database[name].find(filter_, batch_size=_ONE_BATCH).to_list(None)
            case Aggregate(name, pipeline):
                cursor = database[name].aggregate(pipeline, batchSize=_ONE_BATCH)
                if self.driver == "pymongo":
                    cursor = await cursor
                return await cursor.to_list(None)
            case Insert(name, documents, is_durable):
                collection = _collection(database, name, is_durable)
                try:
                    await collection.insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    return _taken(error)
                return frozenset()
            case Replace(name, [(filter_, document)], upsert, is_durable, None):
                collection = _collection(database, name, is_durable)
                try:
                    one = await collection.replace_one(filter_, document, upsert=upsert)
                except DuplicateKeyError:
                    return 0
                return int(one.matched_count) + (one.upserted_id is not None)
            case Replace(name):
                collection = _collection(database, name, request.is_durable)
                try:
                    result = await collection.bulk_write(_replacements(request), ordered=False)
                except BulkWriteError as error:
                    return _stored(error)
                return result.matched_count + result.upserted_count
            case Update(name, [(id_, pipeline)]):
                collection = _collection(database, name, False)
                return [await collection.find_one_and_update({"_id": id_}, pipeline, **_RETURNED)]
            case Update(name):
                await _collection(database, name, False).bulk_write(_updates(request), False)
                return []
            case Delete(name, filter_):
                await database[name].delete_many(filter_)
                return None
            case EnsureIndexes(name):
                if name not in self._indexed:
                    await database[name].create_indexes(_indexes(request))
                    self._indexed.add(name)
                return None
            case Breathe():
                return await asyncio.sleep(0)
        raise TypeError(f"no request to MongoDB: {request!r}")


class _Place:
    """An address: for the driver whole, for people without credentials."""

    def __init__(self, url: str, breaker: Breaker | None = None) -> None:
        self._breaker = breaker
        parts = urlsplit(url)
        if parts.scheme not in ("mongodb", "mongodb+srv"):
            raise ValueError(
                f"RXGRAPH['STORE'] begins with {parts.scheme!r}; "
                "write 'memory://' or 'mongodb://host/database'"
            )
        self.url = url
        self.database = unquote(parts.path.lstrip("/")) or "rxgraph"
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{self.database}"

    def check(self) -> None:
        """Return if a request may be sent.

        Raises:
            BackendAway: MongoDB did not answer a moment ago.
        """
        if self._breaker is not None:
            self._breaker.check()

    def failure(self, operation: str, error: Exception) -> BackendError:
        """Return the error that tells what could not be done, and where."""
        reason = f"{type(error).__name__}: {error}"[:300]
        STORE_ERRORS.add()
        kind = BackendError
        if self._breaker is not None and _is_no_answer(error):
            self._breaker.failed(error)
            kind = BackendAway
        return kind(f"{operation} on {self._shown} failed: {reason}")


def _is_no_answer(error: Exception) -> bool:
    """True unless MongoDB has answered, with an error."""
    return isinstance(error, ConnectionFailure) or bool(getattr(error, "timeout", False))


def _options(timeout_seconds: float) -> dict[str, Any]:
    milliseconds = max(1, int(timeout_seconds * 1000))
    return {
        "appname": "rxgraph",
        "serverSelectionTimeoutMS": milliseconds,
        "connectTimeoutMS": milliseconds,
        "timeoutMS": milliseconds,  # the whole of each request, retries included
        "w": "majority",
        "readConcernLevel": "majority",
        "readPreference": "primary",
        "uuidRepresentation": "standard",
    }


def _collection(database: Any, name: str, is_durable: bool) -> Any:
    return database[name] if is_durable else database[name].with_options(write_concern=_FAST)


def _replacements(request: Replace) -> list[ReplaceOne[dict[str, Any]] | UpdateOne]:
    operations: list[ReplaceOne[dict[str, Any]] | UpdateOne] = [
        ReplaceOne(filter_, document, upsert=request.upsert)
        for filter_, document in request.replacements
    ]
    if request.beside is not None:
        operations.append(UpdateOne({"_id": request.beside}, _NO_CHANGE))
    return operations


def _updates(request: Update) -> list[UpdateOne]:
    return [UpdateOne({"_id": id_}, pipeline, upsert=True) for id_, pipeline in request.updates]


def _indexes(request: EnsureIndexes) -> list[IndexModel]:
    return [IndexModel(list(keys)) for keys in request.indexes]


def _taken(error: BulkWriteError) -> frozenset[int]:
    """Return the positions of duplicates; raise *error* when anything else went wrong."""
    return frozenset(item["index"] for item in _duplicates(error))


def _stored(error: BulkWriteError) -> int:
    """Return how many were stored beside duplicates; raise *error* when it tells of more."""
    _duplicates(error)
    details = error.details
    return int(details["nMatched"]) + int(details["nUpserted"])


def _duplicates(error: BulkWriteError) -> list[Any]:
    failed: list[Any] = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(e["code"] != _DUPLICATE_KEY for e in failed):
        raise error
    return failed
