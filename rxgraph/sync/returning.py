"""Let one statement of the ORM say which rows it changed: ``… RETURNING "id"``.

Exact where a query beforehand is not: under READ COMMITTED an ``UPDATE`` also changes rows that
came to match after the query, and in SQLite's WAL mode a transaction that reads before it writes
can fail with "database is locked" where the bare statement would wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from django.db import connections, models


class Verb(Enum):
    """How a statement begins; ``{}`` is the quoted table."""

    INSERT = ("INSERT INTO {} ", "INSERT OR IGNORE INTO {} ")
    UPDATE = ("UPDATE {} SET ",)
    DELETE = ("DELETE FROM {}",)


def can_return(using: str, model: type[models.Model]) -> bool:
    """Return True where each write to *model* is one statement that can say what it changed."""
    connection = connections[using]
    return (
        connection.vendor in ("postgresql", "sqlite")
        and connection.features.can_return_columns_from_insert
        and not model._meta.concrete_model._meta.parents  # type: ignore[union-attr]
    )


@contextmanager
def returning(
    using: str, verb: Verb, model: type[models.Model], attnames: Sequence[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield a list that fills with the primary key and *attnames* of each row changed inside."""
    connection = connections[using]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    beginnings = tuple(beginning.format(table) for beginning in verb.value)
    fields: list[Any] = [model._meta.pk, *map(model._meta.get_field, attnames)]
    clause = " RETURNING " + ", ".join(quote(field.column) for field in fields)
    converters = [_converters(connection, field) for field in fields]
    found: list[tuple[Any, ...]] = []

    def ask(
        execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if many or not isinstance(sql, str) or not sql.startswith(beginnings):
            return execute(sql, params, many, context)
        result = execute(sql + clause, params, many, context)
        for row in context["cursor"].fetchall():
            found.append(
                tuple(convert(value) for convert, value in zip(converters, row, strict=True))
            )
        return result

    with connection.execute_wrapper(ask):
        yield found


def _converters(connection: Any, field: Any) -> Callable[[Any], Any]:
    """Return what makes of the raw value of a column what the ORM would."""
    column = field.get_col(field.model._meta.db_table)
    steps = connection.ops.get_db_converters(column) + column.get_db_converters(connection)

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return convert
