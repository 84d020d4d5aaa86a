"""A copied row is a row of its own."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest

from rxgraph.sync.writing.copies import copy_of
from tests.sync.writing.workshop import Bench, Job, Memo, Workshop


class Sealed(Bench):
    """A row that has its own way to be copied."""

    class Meta:
        proxy = True
        app_label = "workshop"

    def __deepcopy__(self, memo: Any) -> str:
        return "its own"


def test_a_copy_has_the_values_and_none_of_the_changes(workshop: Workshop) -> None:
    row = Job.objects.get(pk=workshop.job.pk)
    found = copy_of(row)
    assert type(found) is Job
    assert vars(found).keys() == vars(row).keys()
    assert found == row
    assert found._state is not row._state
    assert (found._state.db, found._state.adding) == (row._state.db, row._state.adding)
    found.title = "changed"
    found._state.adding = True
    assert (row.title, row._state.adding) == ("shelf", False)


def test_values_that_can_be_changed_are_copied_too(workshop: Workshop) -> None:
    row = Job.objects.get(pk=workshop.job.pk)
    row.extra = {"when": [datetime.date(2026, 1, 1)]}
    found = copy_of(row)
    found.extra["when"].append("changed")
    assert row.extra == {"when": [datetime.date(2026, 1, 1)]}


def test_related_instances_are_copied_with_the_row(workshop: Workshop) -> None:
    row = Memo.objects.select_related("job").get(pk=workshop.memo.pk)
    found = copy_of(row)
    assert found.job == row.job
    assert found.job is not row.job


@pytest.mark.parametrize("value", [None, 5, {"a": [1]}])
def test_what_is_no_row_is_copied_as_ever(value: Any) -> None:
    found = copy_of(value)
    assert found == copy.deepcopy(value)
    assert found is not value or value is None or value == 5


def test_a_row_with_its_own_way_is_copied_that_way(workshop: Workshop) -> None:
    assert copy_of(Sealed.objects.first()) == "its own"
