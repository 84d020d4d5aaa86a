"""The table of phases: what it holds, and that it refuses the rest."""

from __future__ import annotations

from itertools import product

import pytest

from rxgraph.cache.phases import TRANSITIONS, Event, Phase, follow, table


def test_the_table_as_it_prints() -> None:
    assert table().splitlines() == [
        "COLD     --OPENED--> HEATING",
        "HEATING  --FILLED--> HOT",
        "HEATING  --ABANDONED--> COLD",
        "HOT      --CLEARED--> COOLING",
        "COOLING  --DROPPED--> COLD",
    ]


@pytest.mark.parametrize(("phase", "event"), list(product(Phase, Event)))
def test_a_transition_is_in_the_table_or_refused(phase: Phase, event: Event) -> None:
    if (phase, event) in TRANSITIONS:
        assert follow(phase, event) is TRANSITIONS[phase, event]
    else:
        with pytest.raises(ValueError, match=f"an anchor that is {phase} cannot be {event}"):
            follow(phase, event)


def test_every_phase_is_reached_and_left_and_leads_back_to_cold() -> None:
    assert {new for _, new in TRANSITIONS.items()} == set(Phase)
    assert {old for old, _ in TRANSITIONS} == set(Phase)
    for phase in Phase:
        seen, waiting = {phase}, [phase]
        while waiting:
            here = waiting.pop()
            after = {new for (old, _), new in TRANSITIONS.items() if old is here} - seen
            seen |= after
            waiting += after
        assert Phase.COLD in seen


def test_only_a_filled_anchor_gets_hot() -> None:
    assert [step for step, new in TRANSITIONS.items() if new is Phase.HOT] == [
        (Phase.HEATING, Event.FILLED)
    ]
