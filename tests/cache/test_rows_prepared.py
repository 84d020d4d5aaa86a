"""One row by its key, with SQL made once, is the row that the ORM finds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from rxgraph.cache.rows import prepared
from rxgraph.cache.rows.prepared import is_plain, row_by_key
from tests.torture import models as torture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    prepared._kept.clear()


def saved(model: Any) -> Any:
    """Return some saved row of *model* with a value in every column that needs one."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.is_relation and not field.null and not getattr(field, "parent_link", False):
            remote = getattr(field, "remote_field", None)
            if remote is not None and not remote.parent_link:
                values[field.name] = saved(field.related_model)
    return model.objects.create(**values)


def plain_models() -> list[Any]:
    found = [
        model
        for model in vars(torture).values()
        if isinstance(model, type) and issubclass(model, models.Model)
    ]
    return [model for model in found if not model._meta.abstract and is_plain(model._base_manager)]


def fresh(model: Any) -> Any:
    try:
        return saved(model)
    except Exception as error:  # noqa: BLE001 - not every model can be made without thinking
        pytest.skip(f"{model.__name__}: {error}")


@pytest.mark.parametrize("model", plain_models(), ids=lambda model: model.__name__)
def test_every_column_is_what_the_orm_reads(model: Any) -> None:
    row = fresh(model)
    expected = model._base_manager.get(pk=row.pk)
    for _ in range(2):
        found = row_by_key(model._base_manager, row.pk, "default")
        assert found is not None
        assert type(found) is type(expected)
        assert [(f.attname, getattr(found, f.attname)) for f in model._meta.concrete_fields] == [
            (f.attname, getattr(expected, f.attname)) for f in model._meta.concrete_fields
        ]
        assert (found._state.db, found._state.adding) == ("default", False)
        assert not found.get_deferred_fields()


def test_the_sql_is_made_once_and_asked_each_time() -> None:
    model = plain_models()[0]
    row = fresh(model)
    with CaptureQueriesContext(connection) as queries:
        first = row_by_key(model._base_manager, row.pk, "default")
        kept = dict(prepared._kept)
        second = row_by_key(model._base_manager, row.pk, "default")
    assert first == second == row
    assert first is not second
    assert prepared._kept == kept
    assert all(kept.values())
    assert len(queries) == 2


def test_a_row_that_is_not_there_is_none() -> None:
    model = plain_models()[0]
    row = fresh(model)
    pk = row.pk
    assert row_by_key(model._base_manager, pk, "default") is not None
    row.delete()
    assert row_by_key(model._base_manager, pk, "default") is None


class Changing(models.Manager[Any]):
    """Shows something else each time."""

    def get_queryset(self) -> Any:
        return super().get_queryset().none()


class Odd(models.QuerySet[Any]):
    """Filters in a way of its own."""

    def filter(self, *args: Any, **kwargs: Any) -> Any:
        return super().filter(*args, **kwargs).none()


@pytest.mark.parametrize("manager", [Changing(), models.Manager.from_queryset(Odd)()])
def test_a_manager_of_the_projects_own_is_asked_each_time(manager: Any) -> None:
    model = plain_models()[0]
    row = fresh(model)
    manager.model = model
    assert not is_plain(manager)
    assert row_by_key(manager, row.pk, "default") is None
    assert not prepared._kept


def test_related_columns_are_left_to_the_orm() -> None:
    model = next(
        model
        for model in plain_models()
        if any(f.many_to_one and not f.null for f in model._meta.concrete_fields)
    )
    row = fresh(model)
    name = next(f.name for f in model._meta.concrete_fields if f.many_to_one and not f.null)
    found = row_by_key(
        model._base_manager, row.pk, "default", lambda rows: rows.select_related(name), "joined"
    )
    assert found is not None
    assert found == row
    assert name in found._state.fields_cache
    assert list(prepared._kept.values()) == [None]
