"""Latencies, exponents, tables: what is made of samples."""

from __future__ import annotations

import doctest
import json
from dataclasses import asdict
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import crowd, figure, fitting, ground, latencies, pages, plot, samples, wire
from benchmarks.dialects import graphql
from benchmarks.figure import Figure, quantile
from benchmarks.figures import spread
from benchmarks.fitting import exponent, last_exponent, slope

MODULES = (crowd, figure, fitting, graphql, ground, latencies, pages, plot, samples, spread, wire)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_of_a_module_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


@given(
    st.floats(min_value=1e-6, max_value=1e3),
    st.floats(min_value=-1, max_value=3),
    st.lists(st.integers(1, 10**6), min_size=2, max_size=6, unique=True),
)
def test_the_exponent_of_a_power_law_is_found(c: float, e: float, sizes: list[int]) -> None:
    points = [(float(x), c * x**e) for x in sizes]
    assert exponent(points) == pytest.approx(e, abs=1e-3)
    assert last_exponent(points) == pytest.approx(e, abs=1e-3)


def test_a_fixed_cost_hides_less_in_the_last_step() -> None:
    points = [(x, 5.0 + 0.01 * x) for x in (100.0, 1_000.0, 10_000.0, 100_000.0)]
    assert exponent(points) < last_exponent(points) < 1.0


def test_one_size_has_no_exponent() -> None:
    with pytest.raises(ValueError, match="two different sizes"):
        exponent([(3.0, 1.0), (3.0, 2.0)])


def test_a_slope_ignores_what_is_there_anyway() -> None:
    assert slope([(0, 40), (1000, 1040), (2000, 2040)]) == pytest.approx(1.0)


def test_a_later_message_shows_the_writes_before_it() -> None:
    arrivals = [[(10.0, 5), (12.0, 7)], [(11.0, 7)]]
    found = latencies.latencies(arrivals, [9.0, 9.5, 9.9], first=5)
    assert found == pytest.approx([1.0, 2.5, 2.1, 2.0, 1.5, 1.1])


def test_an_older_mark_counts_once() -> None:
    found = latencies.latencies([[(2.0, 1), (3.0, 0), (4.0, 1)]], [1.0, 1.5])
    assert found == [1.0, 0.5]


def test_quantiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 3.0]
    assert [quantile(values, part) for part in (0, 0.5, 1)] == [1.0, 3.0, 5.0]


def test_a_page_takes_the_tables_of_a_run_and_keeps_the_rest() -> None:
    found = Figure("one", "A title", ("", "RxGraph"))
    found.add("latency", "3 ms")
    found.promise("fast", True)
    kept = "prose\n<!-- figure: two -->\nx\n<!-- end -->\n"
    page = f"# Page\n<!-- figure: one -->\nold\n<!-- end -->\n{kept}"
    report = json.loads(json.dumps({"machine": {}, "figures": [asdict(found)]}))
    once = pages.filled(page, report)
    assert once == page.replace("old", found.text())
    assert pages.filled(once, report) == once


def test_a_profile_is_shared_out_by_the_innermost_frame() -> None:
    lines = [
        "thread (0x1): M;main (uvicorn/main.py:3);send (uvicorn/x.py:7);step (rxgraph/a.py:1) 6",
        "thread (0x1): M;main (uvicorn/main.py:3);write (<rxgraph plan>:9) 3",
        "thread (0x2): rxgraph_0;<module> (json/x.py:1) 1",
        "",
    ]
    assert samples.by_package(lines) == {"RxGraph": 6, "RxGraph, generated": 3, samples.OTHER: 1}
    assert samples.by_function(lines)["step (rxgraph/a.py)"] == 6
    assert samples.below(lines)["main (uvicorn/main.py)"] == 9


def test_a_figure_is_a_table_with_its_goals() -> None:
    found = Figure("one", "A title", ("", "RxGraph"))
    found.add("latency", "3 ms")
    found.promise("fast", True)
    found.promise("cheap", False)
    found.notes.append("a note")
    assert found.text().splitlines() == [
        "### A title",
        "",
        "|         | RxGraph |",
        "|---------|---------|",
        "| latency |    3 ms |",
        "",
        "- met: fast",
        "- MISSED: cheap",
        "- a note",
    ]
