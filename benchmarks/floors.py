"""What a first state costs at least: to read its bytes back, to write them from a dict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import orjson
from pymongo import MongoClient

from benchmarks.figure import median

_CHUNK_BYTES = 8 << 20  # a document of MongoDB has at most 16 MiB
_TIMES = 15


def blob_seconds(url: str, payload: bytes) -> float:
    """Return how long it takes to read bytes back from MongoDB that were stored in one piece."""
    client: MongoClient[dict[str, bytes]] = MongoClient(url)
    try:
        blobs = client.get_default_database()["blobs"]
        parts = range(0, len(payload), _CHUNK_BYTES)
        blobs.insert_many([{"part": payload[at : at + _CHUNK_BYTES]} for at in parts])

        def read() -> bytes:
            return b"".join(found["part"] for found in blobs.find())

        if read() != payload:
            raise AssertionError("MongoDB returns other bytes")
        return _median_seconds(read)
    finally:
        client.close()


def orjson_seconds(payload: bytes) -> float:
    """Return how long orjson takes to write the message from a dict."""
    message = json.loads(payload)
    return _median_seconds(lambda: orjson.dumps(message))


def _median_seconds(function: Callable[[], object]) -> float:
    found = []
    for _ in range(_TIMES):
        before = time.perf_counter()
        function()
        found.append(time.perf_counter() - before)
    return median(found)
