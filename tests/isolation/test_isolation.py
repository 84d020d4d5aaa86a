"""Whatever happens, nobody receives what is not for him: raw bytes against an oracle of its own.

``scripts/test isolation --examples 1000`` is a long run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.isolation.broken import BREAKS, Break
from tests.isolation.oracle import tokens_in, visible
from tests.isolation.play import Leak
from tests.isolation.venues import play_here
from tests.isolation.worlds import World

EXAMPLES = int(os.environ.get("RXGRAPH_ISOLATION_EXAMPLES", "4"))
STEPS = int(os.environ.get("RXGRAPH_ISOLATION_STEPS", "40"))

in_database = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _small_keys(transactional_db: None) -> Iterator[None]:
    """Let the keys of other tests begin anew, after the long ones that are used here."""
    yield
    call_command(
        "flush", verbosity=0, interactive=False, reset_sequences=True, inhibit_post_migrate=True
    )


@pytest.mark.slow
@in_database
@pytest.mark.usefixtures("_small_keys")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 2**32))
def test_nobody_receives_what_is_not_for_him(seed: int) -> None:
    score = play_here(random.Random(seed), STEPS)
    assert score.frames > 0


#: A seed that notices it; others are tried where it does not. Each play takes a second.
NOTICED_BY = {
    "cohorts_are_shared_across_users": 2,
    "removals_name_everything": 2,
    "notifications_reach_everybody": 4,
    "actions_run_on_the_contexts_of_others": 3,
    "access_that_was_revoked_goes_on": 2,
    "secrets_are_told_apart": 5,
    "writes_reach_what_is_hidden": 1,
}


@pytest.mark.slow
@in_database
@pytest.mark.usefixtures("_small_keys")
@pytest.mark.parametrize("rule", BREAKS, ids=lambda rule: rule.__name__)
def test_a_broken_rule_is_noticed(rule: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch)
    first = NOTICED_BY.get(rule.__name__, 0)
    for seed in (first, *(other for other in range(15) if other != first)):
        try:
            play_here(random.Random(seed), 40)
        except Leak:
            return
        except Exception:  # noqa: BLE001, S112  # what is broken may fail in any way
            continue
    raise AssertionError("nobody noticed")


# -- the oracle itself, on rows that a reader can follow


def test_the_oracle_follows_owners_and_what_only_they_lead_to() -> None:
    rows = {
        "project": [{"id": 1, "name": "p", "owner": 10}],
        "task": [
            {"id": 2, "title": "t2", "assignee": 10, "project": 1, "labels": [5]},
            {"id": 3, "title": "t3", "assignee": 11, "project": 1, "labels": []},
        ],
        "comment": [{"id": 4, "body": "c4", "author": 11, "task": 2}],
        "note": [
            {"id": 6, "body": "n6", "owner": 11, "task": 3},
            {"id": 7, "body": "n7", "owner": 10, "task": 3},
        ],
        "label": [{"id": 5, "name": "l5"}],
        "members": [[1, 11]],
    }
    world = World(("task", "note"), ("comment", "note", "label"), is_secret=False, looks_up=False)
    assert visible(world, rows, 10)["list"] == {"1", "p", "2", "t2", "4", "c4", "5", "l5"}
    assert visible(world, rows, 11)["vault 1"] == {"1", "p", "3", "t3", "6", "n6"}
    assert visible(world, rows, 12) == {"list": set()}


def test_tokens_are_found_wherever_they_stand() -> None:
    text = '{"id":"7000000000001","x":"q0123456789abz, 7000000000002","y":"a7000000000003"}'
    assert tokens_in(text) == {"7000000000001", "7000000000002", "q0123456789abz"}
