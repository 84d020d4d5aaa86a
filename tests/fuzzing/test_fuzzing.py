"""A few hundred strange cases of every family, made by Hypothesis."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzzing.families import FAMILIES
from tests.fuzzing.target import Target

_BATCHES = 5
_CASES = 12


@pytest.mark.parametrize("name", FAMILIES)
def test_every_case_gets_a_typed_answer_and_the_server_lives(asked: Target, name: str) -> None:
    family = FAMILIES[name]

    @settings(
        max_examples=_BATCHES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shrink a batch takes minutes: the message says enough
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.randoms(use_true_random=False), min_size=_CASES, max_size=_CASES))
    def ask(randoms: list[Random]) -> None:
        cases = [family.make(random, asked) for random in randoms]
        outcomes = asyncio.run(family.send(asked, cases))
        assert len(outcomes) == len(cases)
        assert asked.new_troubles() == []

    ask()
