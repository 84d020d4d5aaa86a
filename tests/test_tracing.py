"""Spans in one process: off, on without an SDK, and what may not get into them."""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rxgraph import tracing
from rxgraph.cache.steps import Wakeup
from rxgraph.sync.wakeup_codec import encode_extras, with_extras
from rxgraph.types import AnchorKey

WAKEUP = Wakeup(AnchorKey("board.ProjectChannel", "7"), 1, 2, 3, 4.0, ())


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Trace into memory, for one test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tests"))
    yield exporter
    provider.shutdown()


def test_off_there_are_no_spans(exporter: InMemorySpanExporter) -> None:
    tracing.install(is_on=False)
    with tracing.span("rxgraph.flush"):
        assert tracing.current() == ""
    assert exporter.get_finished_spans() == ()


def test_on_without_an_sdk_nothing_is_carried() -> None:
    tracing.install(is_on=True)
    try:
        with tracing.span("rxgraph.flush", {"rxgraph.rows": 1}):
            assert tracing.current() == ""
    finally:
        tracing.install(is_on=False)


def test_spans_within_spans_are_one_trace(exporter: InMemorySpanExporter) -> None:
    with tracing.span("outer"):
        carried = tracing.current()
        assert tracing.is_traceparent(carried)
        with tracing.span("inner"):
            pass
    with tracing.span("elsewhere", kind="CONSUMER", parents=[carried]):
        pass
    inner, outer, elsewhere = exporter.get_finished_spans()
    assert outer.context is not None
    for span in (inner, elsewhere):
        assert span.parent is not None
        assert span.parent.span_id == outer.context.span_id
        assert span.context is not None
        assert span.context.trace_id == outer.context.trace_id


def test_of_many_parents_the_first_is_one_and_others_are_links(
    exporter: InMemorySpanExporter,
) -> None:
    parents = []
    for _ in range(2 * tracing.MOST_LINKS):
        with tracing.span("commit"):
            parents.append(tracing.current())
    with tracing.span("together", parents=parents):
        pass
    together = exporter.get_finished_spans()[-1]
    assert len(together.links) == tracing.MOST_LINKS - 1


def test_what_an_error_says_stays_out_of_the_span(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("rxgraph.flush"):
        raise ValueError("secret")
    [span] = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes == {"error.type": "ValueError"}
    assert "secret" not in span.to_json()


@given(st.text() | st.from_regex(tracing._TRACEPARENT, fullmatch=True) | st.none() | st.integers())
def test_whatever_comes_beside_a_wake_up_does_no_harm(found: object) -> None:
    received = with_extras(WAKEUP, {"trace": found, "since": found})
    assert received.trace in ("", found)
    assert received.since in (0.0, found)
    with tracing.span("rxgraph.receive", parents=[received.trace]):
        pass


def test_malformed_parents_are_none(exporter: InMemorySpanExporter) -> None:
    zero = f"00-{'0' * 32}-{'0' * 16}-01"
    with tracing.span("rxgraph.receive", parents=["", "nonsense", zero]):
        pass
    [span] = exporter.get_finished_spans()
    assert span.parent is None


def test_extras_travel_beside_the_text(exporter: InMemorySpanExporter) -> None:
    assert encode_extras(WAKEUP) == {}
    with tracing.span("rxgraph.publish"):
        trace_ = tracing.current()
    told = with_extras(WAKEUP, {"since": 12.5, "trace": trace_})
    assert (told.since, told.trace) == (12.5, trace_)
    assert with_extras(WAKEUP, encode_extras(told)) == told


def test_off_it_costs_next_to_nothing() -> None:
    def traced() -> None:
        with tracing.span("rxgraph.render"):
            pass

    best = min(timeit.repeat(traced, number=10_000, repeat=5)) / 10_000
    assert best < 5e-6  # a delivered message takes 20 microseconds; this is for each move


@pytest.mark.slow
def test_the_library_works_without_opentelemetry() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = sys.modules['prometheus_client'] = None\n"
        "import django; django.setup()\n"
        "from rxgraph import tracing\n"
        "from rxgraph.asgi import with_graphql\n"
        "import rxgraph.serve.http, rxgraph.serve.websocket, rxgraph.serve.health\n"
        "with tracing.span('x'): print(repr(tracing.current()))\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "''"
