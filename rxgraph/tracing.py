"""Spans of OpenTelemetry, from the commit of a change to the sockets (``RXGRAPH["TRACING"]``).

``with span("rxgraph.flush", {"rxgraph.rows": 3}): …`` does nothing while tracing is off, which is
one look at a global; on, it needs opentelemetry-api (the extra ``tracing``), and without an SDK
that API does nothing either. What goes from process to process is a ``traceparent`` of W3C Trace
Context, 55 characters. Rule: no value of a row, no variable and no message of an error gets into a
span; anchors are named by channel and id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

Attributes = Mapping[str, object]  # texts, numbers, truth values

MOST_LINKS = 32
"""So many of the traces that come together in one span are named there."""

_TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: Any = None  # None: off


def install(*, is_on: bool) -> None:
    """Turn tracing on or off.

    Raises:
        ImportError: it is wanted, and opentelemetry-api is not installed.
    """
    global _tracer
    if not is_on:
        _tracer = None
        return
    from opentelemetry import trace

    from rxgraph import __version__

    _tracer = trace.get_tracer("rxgraph", __version__)


def is_on() -> bool:
    """True when spans are made."""
    return _tracer is not None


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: str = "INTERNAL",
    parents: Sequence[str] = (),
) -> AbstractContextManager[None]:
    """Make a span around a block of code.

    *parents* are ``traceparent`` texts: the first one is the parent (without one, the span that is
    current here), the others are links. *kind* is SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL.
    """
    if _tracer is None:
        return _NOTHING
    return _span(name, attributes, kind, parents)


@contextmanager
def _span(name: str, attributes: Attributes | None, kind: str, parents: Sequence[str]) -> Any:
    from opentelemetry import trace
    from opentelemetry.trace import Link, SpanKind, StatusCode

    found = [context for text in parents[:MOST_LINKS] if (context := _context(text)) is not None]
    parent = None
    if found:
        parent = trace.set_span_in_context(trace.NonRecordingSpan(found[0]))
    with _tracer.start_as_current_span(
        name,
        context=parent,
        kind=SpanKind[kind],
        attributes=cast("Any", attributes),
        links=[Link(context) for context in found[1:]],
        record_exception=False,  # its message may hold what users wrote
        set_status_on_exception=False,
    ) as started:
        try:
            yield None
        except Exception as error:
            started.set_attribute("error.type", type(error).__qualname__)
            started.set_status(StatusCode.ERROR)
            raise


def current() -> str:
    """Return the ``traceparent`` of the span that is current here; empty: there is none."""
    if _tracer is None:
        return ""
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def is_traceparent(text: object) -> bool:
    """True when *text* is what :func:`current` writes."""
    return isinstance(text, str) and _TRACEPARENT.fullmatch(text) is not None


def _context(text: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    found = _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None
