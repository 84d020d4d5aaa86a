"""``rxgraph_sweep``: what it does, what it says, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from rxgraph.models import Intent, Quarantined
from rxgraph.sync import databases, intents, sweeping
from rxgraph.sync.engine import Engine, get_engine
from rxgraph.sync.engine import reset as reset_engine
from rxgraph.types import RowKey
from tests.conftest import forget_database, service

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture
def engine(settings: Any) -> Iterator[Engine]:
    url = service("MONGO_URL").rpartition("/")[0]
    store = f"{url}/rxgraph_sweep_{os.getpid()}_{uuid4().hex[:6]}"
    settings.RXGRAPH = {**settings.RXGRAPH, "STORE": store, "SWEEP_GRACE_SECONDS": 0.0}
    sweeping.counters.clear()
    databases.look_again()
    yield get_engine()
    reset_engine()
    forget_database(store)


def leave(using: str = "default", rows: str = '{"channels_app.task":[1,2]}') -> None:
    Intent.objects.using(using).create(rows=rows)


def sweep(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rxgraph_sweep", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.integration
def test_it_does_what_waits_everywhere_or_in_one_database(engine: Engine) -> None:
    for using in ("default", "other", "other"):
        leave(using)
    assert sweep("--database", "default") == "default: 1 intent swept; 0 wait\n"
    assert sweep() == "default: 0 intents swept; 0 wait\nother: 2 intents swept; 0 wait\n"
    assert intents.outstanding("other") == []


@pytest.mark.integration
def test_a_dry_run_changes_nothing(engine: Engine) -> None:
    leave()
    leave(rows='{"channels_app.project":[[1,50]]}')
    told = sweep("--dry-run", "--database", "default")
    assert told.startswith("default: 2 intents wait, the oldest for 0 s; 0 in quarantine\n")
    assert "  channels_app.project: 50 rows\n  channels_app.task: 2 rows\n" in told
    assert Intent.objects.count() == 2


@pytest.mark.integration
def test_it_leaves_a_database_to_the_process_that_sweeps_it(engine: Engine) -> None:
    leave()
    server = Engine(engine.settings, engine.store, engine.bus)
    assert server.sweeper.hold("default")
    assert sweep("--database", "default").startswith("default: swept by another process, for ")
    assert Intent.objects.count() == 1
    server.sweeper.held = frozenset({"default"})
    server.sweeper.release()
    assert sweep("--database", "default") == "default: 1 intent swept; 0 wait\n"
    assert server.sweeper.hold("default"), "it gave the lease back"


@pytest.mark.integration
def test_it_ends_with_1_when_something_cannot_be_done(engine: Engine) -> None:
    leave()
    leave(rows="{broken")
    out = io.StringIO()
    with pytest.raises(SystemExit, match=r"^1$"):
        call_command("rxgraph_sweep", "--database", "default", stdout=out)
    assert out.getvalue() == (
        "default: 1 intent swept; 1 wait\ndefault: 1 intent could not be done; see the log\n"
    )


@pytest.mark.integration
def test_what_is_in_quarantine_is_tried_again_on_request(engine: Engine) -> None:
    Quarantined.objects.create(
        id=uuid4(),
        rows='{"channels_app.task":[1]}',
        problem="was broken",
        created_at="2026-01-01T00:00:00Z",
    )
    assert "0 wait, 1 in quarantine" in sweep("--database", "default")
    told = sweep("--database", "default", "--requeue")
    assert told == "default: 1 intent put back\ndefault: 1 intent swept; 0 wait\n"


@pytest.mark.integration
def test_it_watches_until_it_is_told_to_stop(engine: Engine, settings: Any) -> None:
    settings.RXGRAPH = {**settings.RXGRAPH, "SWEEP_SECONDS": 0.05}

    def write_then_stop() -> None:
        end = time.monotonic() + 20
        intents.write(connections["default"], [RowKey("channels_app.task", "1")])
        while intents.outstanding("default") and time.monotonic() < end:
            time.sleep(0.02)
        connections.close_all()
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=write_then_stop)
    thread.start()
    told = sweep("--watch", "--database", "default")
    thread.join()
    assert told.splitlines()[0] == "sweeping default every 0.05 s"
    assert told.splitlines()[-1] == "ended; 1 intent swept in all"


def test_beside_the_memory_store_it_says_whose_work_it_is() -> None:
    with pytest.raises(CommandError, match="inside the server's process, which sweeps by itself"):
        sweep()
    assert "default: 0 intents wait" in sweep("--dry-run")


def test_a_database_that_is_not_swept_is_named_with_those_that_are() -> None:
    with pytest.raises(CommandError, match="nowhere: no database that is swept; these are: def"):
        sweep("--database", "nowhere")


def test_a_store_that_is_away_is_an_error(settings: Any) -> None:
    settings.RXGRAPH = {
        **settings.RXGRAPH,
        "STORE": "mongodb://127.0.0.1:9/away",
        "STORE_TIMEOUT_SECONDS": 0.2,
    }
    leave()
    try:
        with pytest.raises(CommandError, match="it stays in the log"):
            sweep("--database", "default")
    finally:
        reset_engine()
    assert Intent.objects.count() == 1
