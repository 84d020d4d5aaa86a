"""One trace from the process that writes, through the store, to the sockets of another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import board_work as work
from tests.integration.board_clients import Viewer
from tests.integration.cluster import Cluster, Process, cluster
from tests.integration.servers import Server

Span = dict[str, Any]
Board = dict[str, Any]

PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def spans_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spans")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, spans_folder: Path) -> Iterator[Cluster]:
    environ = {
        "DJANGO_SETTINGS_MODULE": "tests.integration.traced_settings",
        "TEST_SPANS": str(spans_folder),
    }
    with cluster(tmp_path_factory.mktemp("cluster"), environ=environ) as here:
        yield here


@pytest.fixture(scope="module")
def servers(here: Cluster) -> list[Server]:
    return here.serve(2)


class Spans:
    """What all processes have written since this was made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = len(self._read())

    def _read(self) -> list[Span]:
        lines = (path.read_text().splitlines() for path in sorted(self._folder.iterdir()))
        return [json.loads(line) for part in lines for line in part]

    def find(self, name: str, where: Callable[[Span], object] = lambda span: True) -> list[Span]:
        """Return the spans of a name."""
        found = self._read()
        return [span for span in found if span["name"] == name and where(span)]

    def until(self, name: str, where: Callable[[Span], object] = lambda span: True) -> Span:
        """Wait for a span."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            if found := self.find(name, where):
                return found[-1]
            assert time.monotonic() < deadline, (name, sorted({s["name"] for s in self._read()}))
            time.sleep(0.05)

    def chain(self, span: Span) -> list[str]:
        """Return the names from the root of its trace down to *span*."""
        names, at = [span["name"]], span
        deadline = time.monotonic() + PATIENCE_SECONDS
        while at["parent_id"] is not None:
            by_id = {found["context"]["span_id"]: found for found in self._read()}
            if at["parent_id"] in by_id:
                at = by_id[at["parent_id"]]
                names.append(at["name"])
            else:  # a span is written when it ends
                assert time.monotonic() < deadline, names
                time.sleep(0.05)
        return names[::-1]

    def trace(self, span: Span) -> list[Span]:
        """Return all spans of its trace."""
        trace_id = span["context"]["trace_id"]
        return [found for found in self._read() if found["context"]["trace_id"] == trace_id]


def is_told(board: Board) -> Callable[[Span], bool]:
    """Return what tells whether a span is about this board's anchor."""
    return lambda span: span["attributes"].get("rxgraph.anchor") == str(board["project"])


async def test_a_save_elsewhere_is_one_trace_down_to_the_sockets(
    servers: list[Server], shell: Process, spans_folder: Path
) -> None:
    server, _ = servers
    board = shell.call(work.make_board)
    spans = Spans(spans_folder)
    async with Viewer(server, board, board["people"][0]) as viewer:
        await viewer.ready()
        # Whoever still writes a state that is shown already takes along what comes meanwhile,
        # and that is told in his trace.
        spans.until("rxgraph.heat", is_told(board))
        shell.call(work.save, "Task", board["tasks"][0], {"title": "traced"})
        await viewer.until_titled(board["tasks"][0], "traced")
        delivered = spans.until("rxgraph.deliver", is_told(board))
    assert spans.chain(delivered) == [
        "rxgraph.capture",
        "rxgraph.hand_over",
        "rxgraph.receive",
        "rxgraph.take_over",
        "rxgraph.flush",
        "rxgraph.publish",
        "rxgraph.deliver",
    ]
    found = {span["name"]: span for span in spans.trace(delivered)}
    assert found["rxgraph.capture"]["process"] == found["rxgraph.hand_over"]["process"]
    assert found["rxgraph.deliver"]["process"] != found["rxgraph.capture"]["process"]
    assert found["rxgraph.deliver"]["attributes"]["rxgraph.subscribers"] == 1
    assert found["rxgraph.hand_over"]["kind"] == "SpanKind.PRODUCER"
    assert found["rxgraph.receive"]["kind"] == "SpanKind.CONSUMER"
    starts = [found[name]["start_time"] for name in spans.chain(delivered)]
    assert starts == sorted(starts)


async def test_a_mutation_is_one_trace_down_to_the_sockets_of_another_server(
    servers: list[Server], shell: Process, spans_folder: Path
) -> None:
    left, right = servers
    board = shell.call(work.make_board)
    spans = Spans(spans_folder)
    author, reader = board["people"]
    async with Viewer(left, board, author) as writes, Viewer(right, board, reader) as reads:
        await writes.ready()
        await reads.ready()
        await writes.client.mutate(
            "projectSaveTask",
            projectId=board["project"],
            id=str(board["tasks"][0]),
            data={"title": "a secret of theirs"},
        )
        await reads.until_titled(board["tasks"][0], "a secret of theirs")
        elsewhere = spans.until(
            "rxgraph.deliver",
            lambda span: is_told(board)(span) and "rxgraph.receive" in spans.chain(span),
        )
    chain = spans.chain(elsewhere)
    assert chain[0] == "mutation"
    assert chain[-3:] == ["rxgraph.publish", "rxgraph.receive", "rxgraph.deliver"]
    [operation] = [span for span in spans.trace(elsewhere) if span["name"] == "mutation"]
    assert operation["kind"] == "SpanKind.SERVER"
    assert operation["attributes"]["graphql.operation.type"] == "mutation"
    assert operation["attributes"]["graphql.operation.name"]
    assert operation["process"] != elsewhere["process"]
    subscriptions = spans.find("subscription")
    assert {span["attributes"]["graphql.operation.type"] for span in subscriptions} == {
        "subscription"
    }
    for span in spans.find("rxgraph.heat", is_told(board)):
        assert spans.chain(span)[0] == "subscription"
    written = "".join(path.read_text() for path in spans_folder.iterdir())
    assert "a secret of theirs" not in written
    assert author["token"] not in written
