"""``docs/operations.md``, the dashboard and the alerts name what there is, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from rxgraph.log_fields import FIELDS
from rxgraph.metrics import RxGraphCollector
from rxgraph.sync import deployment
from tests.pages import DOCS

PAGE = (DOCS / "operations.md").read_text()
DASHBOARD = json.loads((DOCS / "grafana" / "rxgraph.json").read_text())
ALERTS = (DOCS / "grafana" / "alerts.yml").read_text()

ROW = re.compile(r"^\| `(rxgraph_\w+)`( †)? \| (\w+) \|([^|]*)\|", re.MULTILINE)
NAME = re.compile(r"\b(?:rxgraph|process|python)_[a-z_]+\b")
SUFFIXES = {"counter": "_total", "gauge": "", "info": "_info", "histogram": ""}


def families() -> dict[str, Any]:
    """Return name in the page → metric family, as a scrape has them."""
    registry = CollectorRegistry()
    registry.register(RxGraphCollector())
    return {family.name + SUFFIXES[family.type]: family for family in registry.collect()}


def series() -> set[str]:
    """Return every name that a query may use."""
    found = set(families())
    for name, family in families().items():
        if family.type == "histogram":
            found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for family in registry.collect():
        found |= {sample.name for sample in family.samples}
    return found


def test_every_metric_has_a_row_and_every_row_a_metric() -> None:
    rows = {name: type_ for name, _, type_, _ in ROW.findall(PAGE)}
    assert rows == {name: family.type for name, family in families().items()}


def test_labels_are_told() -> None:
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, _, labels in ROW.findall(PAGE)}
    for name, family in families().items():
        found = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert found <= told[name], name


def test_what_is_looked_up_is_marked() -> None:
    marked = {name for name, mark, _, _ in ROW.findall(PAGE) if mark}
    assert marked == {
        *("rxgraph_anchors", "rxgraph_intents_pending"),
        *("rxgraph_intents_oldest_seconds", "rxgraph_intents_in_quarantine"),
    }


def expressions() -> Iterator[str]:
    """Return every query of the dashboard."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def test_the_dashboard_names_only_metrics_that_exist() -> None:
    used = {name for expression in expressions() for name in NAME.findall(expression)}
    assert used <= series(), used - series()


def test_the_dashboard_shows_every_metric() -> None:
    text = " ".join(expressions())
    missing = [name for name in families() if not re.search(rf"\b{name}(_bucket|_count)?\b", text)]
    assert missing == []


def test_the_dashboard_is_sound() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for expression in expressions():
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_alerts_name_only_metrics_that_exist() -> None:
    rules = re.findall(r"expr: (.*?)\n\s+(?:for|labels):", ALERTS, re.DOTALL)
    assert len(rules) == ALERTS.count("- alert:")
    used = {name for rule in rules for name in NAME.findall(rule)}
    assert used
    assert used <= series(), used - series()


@pytest.mark.parametrize("name", ["reason", "result", "code"])
def test_values_of_labels_in_alerts_are_counted_from_the_start(name: str) -> None:
    for metric, value in re.findall(rf'(rxgraph_\w+)\{{{name}="(\w+)"\}}', ALERTS):
        family = families()[metric]
        assert value in {sample.labels[name] for sample in family.samples}, (metric, value)


def test_every_check_is_told() -> None:
    ids = set(re.findall(r"^([EW]\d{3})", deployment.__doc__ or "", re.MULTILINE))
    assert ids
    table = PAGE.partition("## The checks")[2]
    assert [id_ for id_ in sorted(ids) if id_ not in table] == []


def test_every_field_of_log_records_is_told() -> None:
    logs = PAGE.partition("## Logs")[2]
    assert [name for name in FIELDS if f"`{name}`" not in logs] == []
