"""What this process says of itself to Prometheus (the extra ``metrics``).

``collect()`` reads numbers that are there anyway: it asks no store and no database, and may be
called from any thread. ``docs/operations.md`` has the table of names.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

import rxgraph
from rxgraph.counters import COUNTED, SOCKETS, SPREADS, Level, Spread, Tally
from rxgraph.serve import runtime
from rxgraph.serve.connection import headers_of
from rxgraph.serve.plans.fallbacks import fallbacks
from rxgraph.serve.runtime import Runtime
from rxgraph.sync.engine import get_engine
from rxgraph.sync.wakeups_layer import ChannelLayerBus

Send = Callable[[dict[str, Any]], Awaitable[None]]


class RxGraphCollector:
    """All metrics of this process, for any registry: ``REGISTRY.register(RxGraphCollector())``."""

    def __init__(self) -> None:
        runtime.want_looks()

    def describe(self) -> list[Metric]:
        """Return nothing: registering looks at nothing yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they stand."""
        yield InfoMetricFamily("rxgraph", "This version", {"version": rxgraph.__version__})
        yield from map(_counter, COUNTED)
        yield from map(_histogram, SPREADS)
        yield _labelled_counter(
            "rxgraph_plan_fallbacks",
            "Operations and events that no plan served, by reason",
            "reason",
            dict(fallbacks()),
        )
        yield _level(SOCKETS)
        running = runtime.running()
        yield from _of_bus()
        yield from _of_contexts(running)
        yield from _of_replicas(running)
        yield from _of_looks(running)


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the body and content type of a scrape that accepts *accept* (a header)."""
    encode, content_type = choose_encoder(accept)
    return encode(_registry()), content_type


def is_allowed(authorization: str, token: str) -> bool:
    """True when a header ``Authorization`` holds the bearer *token*; takes the same time always."""
    scheme, _, given = authorization.partition(" ")
    is_same = secrets.compare_digest(given.strip().encode(), token.encode())
    return is_same and scheme.lower() == "bearer"


async def serve_metrics(scope: Mapping[str, Any], token: str, send: Send) -> None:
    """Answer a scrape that shows *token*; 401 to everybody else."""
    headers = headers_of(scope)
    if not is_allowed(headers.get("authorization", ""), token):
        challenge = (b"www-authenticate", b'Bearer realm="metrics"')
        await send({"type": "http.response.start", "status": 401, "headers": [challenge]})
        await send({"type": "http.response.body", "body": b""})
        return
    body, content_type = exposition(headers.get("accept", ""))
    raw = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
    await send({"type": "http.response.body", "body": body})


_own: list[CollectorRegistry] = []


def _registry() -> CollectorRegistry:
    """Return ours: these metrics and Python's, and nothing of the project's own registry."""
    if not _own:
        registry = CollectorRegistry(auto_describe=False)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(RxGraphCollector())
        _own.append(registry)
    return _own[0]


def _counter(tally: Tally) -> Metric:
    if tally.label:
        return _labelled_counter(tally.name, tally.help, tally.label, dict(tally.values))
    return CounterMetricFamily(tally.name, tally.help, value=tally.total)


def _labelled_counter(name: str, help_: str, label: str, values: dict[str, float]) -> Metric:
    family = CounterMetricFamily(name, help_, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family


def _histogram(spread: Spread) -> Metric:
    family = HistogramMetricFamily(spread.name, spread.help)
    bounds = [*(str(float(bound)) for bound in spread.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(list(spread.counts)), strict=True))
    family.add_metric([], buckets, spread.total)
    return family


def _level(level: Level) -> Metric:
    return GaugeMetricFamily(level.name, level.help, value=level.value)


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _of_bus() -> Iterator[Metric]:
    bus = get_engine().bus
    # Within a process nothing is lost or waits.
    lost, waiting = (bus.dropped, bus.waiting) if isinstance(bus, ChannelLayerBus) else (0, 0)
    yield CounterMetricFamily(
        "rxgraph_wakeups_lost",
        "Wake-ups and signals that this process could not send",
        value=lost,
    )
    yield _gauge("rxgraph_wakeups_waiting", "Wake-ups that wait to be sent", waiting)


def _of_contexts(running: list[Runtime]) -> Iterator[Metric]:
    subscribers = GaugeMetricFamily(
        "rxgraph_subscribers", "Live contexts, by channel", labels=["channel"]
    )
    numbers: dict[str, int] = {}
    waiting = longest = 0
    sizes: dict[int, int] = {}  # by connection, for several operations share one
    for one in running:
        for channel, number in one.contexts.by_channel().items():
            numbers[channel] = numbers.get(channel, 0) + number
        for stream in one.contexts:
            waiting += stream.waiting
            longest = max(longest, stream.waiting)
            if (queue := stream.outbound) is not None:
                sizes[id(queue)] = queue.size
    for channel, number in sorted(numbers.items()):
        subscribers.add_metric([channel], number)
    yield subscribers
    yield _gauge("rxgraph_queue_events", "Events that wait for slow subscribers", waiting)
    yield _gauge("rxgraph_queue_events_longest", "Of them, the most for one subscriber", longest)
    yield _gauge("rxgraph_queue_bytes", "Bytes that wait for them", sum(sizes.values()))


def _of_replicas(running: list[Runtime]) -> Iterator[Metric]:
    hubs = [one.hub for one in running]
    yield _gauge("rxgraph_replicas", "Anchors held in memory", sum(len(h.replicas) for h in hubs))
    yield _gauge(
        "rxgraph_replica_bytes",
        "What these take, about",
        sum(hub.size_bytes for hub in hubs),
    )
    yield _gauge(
        "rxgraph_draining",
        "1 while this process lets its clients go",
        any(r.is_draining for r in running),
    )


def _of_looks(running: list[Runtime]) -> Iterator[Metric]:
    anchors = GaugeMetricFamily(
        "rxgraph_anchors", "Anchors in the store, by channel and phase", labels=["channel", "phase"]
    )
    pending = GaugeMetricFamily(
        "rxgraph_intents_pending", "Intents that wait in a database", labels=["database"]
    )
    oldest = GaugeMetricFamily(
        "rxgraph_intents_oldest_seconds", "Age of the oldest of them; 0: none", labels=["database"]
    )
    quarantine = GaugeMetricFamily(
        "rxgraph_intents_in_quarantine",
        "Intents that could not be done, and are kept aside",
        labels=["database"],
    )
    for found in [one.found for one in running if one.found.is_fresh][:1]:
        for (channel, phase), number in sorted(found.phases.items()):
            anchors.add_metric([channel, phase], number)
        for alias, backlog in sorted(found.backlogs.items()):
            pending.add_metric([alias], backlog.pending)
            oldest.add_metric([alias], backlog.oldest_seconds or 0.0)
            quarantine.add_metric([alias], backlog.quarantined)
    yield from (anchors, pending, oldest, quarantine)
