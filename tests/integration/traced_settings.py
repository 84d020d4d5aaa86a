"""Settings of traced processes: each writes the spans it ends into the folder ``TEST_SPANS``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from tests.integration.cluster_settings import *  # noqa: F403
from tests.integration.served_settings import RXGRAPH

RXGRAPH["TRACING"] = True


class FileExporter(SpanExporter):
    """One line of JSON for each span."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append *spans*."""
        with (Path(os.environ["TEST_SPANS"]) / f"{os.getpid()}.jsonl").open("a") as log:
            for span in spans:
                found = json.loads(span.to_json(indent=None))
                log.write(json.dumps({**found, "process": os.getpid()}) + "\n")
        return SpanExportResult.SUCCESS


_provider = TracerProvider(shutdown_on_exit=False)
_provider.add_span_processor(SimpleSpanProcessor(FileExporter()))
trace.set_tracer_provider(_provider)
