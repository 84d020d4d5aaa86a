"""What a trigger does, as text: PL/pgSQL for a model, what a change of its rows touches, a verb.

A statement, however many rows it changes, writes one intent; what it changed is in the transition
tables ``old_rows`` and ``new_rows``. The names are those of ``sync.rows.name_rows``: the rows
themselves, and whose state they alter, before and after. TRUNCATE has no transition tables, so its
trigger reads the table before.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from django.db import models

from rxgraph.fields import AnchorMark
from rxgraph.sync.tracking import End, Heir, Tracked

CHANNEL = "rxgraph_intent"
"""Of NOTIFY; the payload is empty."""

OWN_SETTING, FLUSHES_SETTING = "rxgraph.intents", "rxgraph.flushes"
"""Settings of a transaction: ids of its intents; and whether it will do them by itself."""

TRUNCATES_SETTING = "rxgraph.truncates"
"""On while the trigger of a TRUNCATE writes: the same statement may empty the log as well, and with
it a row that a deferred trigger still wants to look at."""

MOST_OWN_CHARS = 3700
"""A hundred ids: a transaction of more statements leaves its intents to the sweeper."""

TOO_MANY = "-"


class Verb(StrEnum):
    """What a trigger fires for."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    TRUNCATE = "truncate"


OLD, NEW = "old_rows", "new_rows"
SOURCES = {
    Verb.INSERT: (NEW,),
    Verb.UPDATE: (OLD, NEW),
    Verb.DELETE: (OLD,),
    Verb.TRUNCATE: (),
}

# Version 7 of RFC 9562: the time in milliseconds, then the version over the random one's.
_NEW_ID = """encode(set_bit(set_bit(overlay(
  uuid_send(gen_random_uuid())
  placing substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
  FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid"""

_BODY = """
WITH named (model, number, key) AS (
{named}
), ranges AS (
  SELECT model, min(number) AS first, max(number) AS last FROM (
    SELECT model, number, number - row_number() OVER (PARTITION BY model ORDER BY number) AS run
    FROM named WHERE number IS NOT NULL
  ) AS numbered GROUP BY model, run
), items AS (
  SELECT model, CASE WHEN first = last THEN to_json(first) ELSE json_build_array(first, last) END
    AS item FROM ranges
  UNION ALL SELECT model, to_json(key) FROM named WHERE key IS NOT NULL
), lists AS (
  SELECT model, json_agg(item) AS keys FROM items GROUP BY model
), intent AS (
  SELECT json_object_agg(model, keys)::text AS rows FROM lists
)
INSERT INTO rxgraph_intent (id, rows, created_at)
SELECT {new_id}, rows, clock_timestamp() FROM intent WHERE rows IS NOT NULL
RETURNING id::text INTO _intent;
IF _intent IS NOT NULL THEN
  _own := coalesce(current_setting('{own}', true), '');
  PERFORM set_config('{own}', CASE
    WHEN _own = '{too_many}' OR length(_own) > {most} THEN '{too_many}'
    ELSE _own || _intent || ' ' END, true);
END IF;
{after}RETURN NULL;
"""

_TRUNCATING = f"PERFORM set_config('{TRUNCATES_SETTING}', 'on', true);"
_TRUNCATED = f"""PERFORM set_config('{TRUNCATES_SETTING}', '', true);
PERFORM pg_notify('{CHANNEL}', '');
"""

DECLARE = [("_intent", "text"), ("_own", "text")]

NOTIFY_CONDITION = f"coalesce(current_setting('{TRUNCATES_SETTING}', true), '') <> 'on'"

NOTIFY_BODY = f"""
IF coalesce(current_setting('{FLUSHES_SETTING}', true), '') <> 'on' THEN
  PERFORM pg_notify('{CHANNEL}', '');
END IF;
RETURN NULL;
"""

OWN_INTENTS = f"""
SELECT id, rows, set_config('{FLUSHES_SETTING}', 'on', true) FROM rxgraph_intent
WHERE id = ANY(string_to_array(nullif(trim(current_setting('{OWN_SETTING}', true)), '{TOO_MANY}'),
  ' ')::uuid[])
"""  # noqa: S608
"""Which intents the triggers wrote in this transaction; asking says that we do them."""


def body(model: type[models.Model], tracked: Tracked, verb: Verb) -> str:
    """Return what the trigger function of *model* does for *verb*."""
    sources = SOURCES[verb] or (_quote(model._meta.db_table),)
    named = [
        select
        for source in sources
        for select in _selects(model, tracked, _without_marks(model, source, verb))
    ]
    template = _BODY if verb is not Verb.TRUNCATE else _TRUNCATING + _BODY
    return template.format(
        named="\n  UNION ".join(f"  {select}" for select in named),
        new_id=_NEW_ID,
        own=OWN_SETTING,
        too_many=TOO_MANY,
        most=MOST_OWN_CHARS,
        after=_TRUNCATED if verb is Verb.TRUNCATE else "",
    )


def _selects(model: type[models.Model], tracked: Tracked, source: str) -> Iterator[str]:
    key: Any = model._meta.pk
    for label in tracked.labels:
        yield _select(label, key, f"changed.{_quote(key.column)}", f"FROM {source} AS changed")
    for end in tracked.ends:
        yield from _of_end(model, end, source)
    for base in tracked.bases:
        yield from _of_base(model, base, source)
    for heir in tracked.heirs:
        yield _of_heir(model, heir, source)


def _of_end(model: type[models.Model], end: End, source: str) -> Iterator[str]:
    column: Any = model._meta.get_field(end.attname)
    value = f"changed.{_quote(column.column)}"
    origin = f"FROM {source} AS changed"
    key: Any = end.target._meta.pk
    if end.to_attname is not None:
        referred: Any = end.target._meta.get_field(end.to_attname)
        table = _quote(end.target._meta.db_table)
        origin += f" JOIN {table} AS target ON target.{_quote(referred.column)} = {value}"
        value = f"target.{_quote(key.column)}"
    for label in end.labels:
        yield _select(label, key, value, f"{origin} WHERE {value} IS NOT NULL")


def _of_base(model: type[models.Model], base: End, source: str) -> Iterator[str]:
    """Follow the links of multi-table inheritance from *model*'s table to the base's key."""
    origin, place = f"FROM {source} AS changed", "changed"
    key: Any = base.target._meta.pk
    for number, parent in enumerate(model._meta.get_base_chain(base.target)):
        link: Any = model._meta.parents.get(parent)
        if link is None:  # a proxy in between
            continue
        value = f"{place}.{_quote(link.column)}"
        if parent is base.target:
            for label in base.labels:
                yield _select(label, key, value, f"{origin} WHERE {value} IS NOT NULL")
            return
        place, model = f"base_{number}", parent
        table, pk = _quote(parent._meta.db_table), _quote(parent._meta.pk.column)
        origin += f" JOIN {table} AS {place} ON {place}.{pk} = {value}"


def _of_heir(model: type[models.Model], heir: Heir, source: str) -> str:
    key: Any = heir.model._meta.pk
    link: Any = heir.model._meta.get_field(heir.link)
    own: Any = model._meta.pk
    return _select(
        heir.label,
        key,
        f"heir.{_quote(key.column)}",
        f"FROM {source} AS changed JOIN {_quote(heir.model._meta.db_table)} AS heir"
        f" ON heir.{_quote(link.column)} = changed.{_quote(own.column)}",
    )


def _select(label: str, key: Any, value: str, origin: str) -> str:
    if is_number(key):
        return f"SELECT {_literal(label)}, {value}::bigint, NULL::text {origin}"
    return f"SELECT {_literal(label)}, NULL::bigint, {value}::text {origin}"


def _without_marks(model: type[models.Model], source: str, verb: Verb) -> str:
    """Return *source* without the rows in which a mark of ``optimize_anchors`` was changed.

    Only RxGraph writes marks, and nothing along with them.
    """
    marks = [field for field in model._meta.local_fields if isinstance(field, AnchorMark)]
    if verb is not Verb.UPDATE or not marks:
        return source
    key: Any = model._meta.pk
    same = f"before.{_quote(key.column)} = after.{_quote(key.column)}"
    changed = " OR ".join(
        f"before.{_quote(mark.column)} IS DISTINCT FROM after.{_quote(mark.column)}"
        for mark in marks
    )
    one, other = ("before", "after") if source == OLD else ("after", "before")
    other_source = NEW if source == OLD else OLD
    return (
        f"(SELECT {one}.* FROM {source} AS {one} WHERE NOT EXISTS"  # noqa: S608
        f" (SELECT FROM {other_source} AS {other} WHERE {same} AND ({changed})))"
    )


def is_number(key: Any) -> bool:
    """True where keys of this field are integers of 64 bits at most."""
    return isinstance(final(key), models.IntegerField)  # AutoField is one, too


def is_nameable(key: Any) -> bool:
    """True where the database's text of a key is how the ORM writes it."""
    found = final(key)
    stock = next((kind for kind in _STOCK if isinstance(found, kind)), None)
    return (
        stock is not None
        and type(found).to_python is stock.to_python
        and not hasattr(found, "from_db_value")
    )


def final(field: Any) -> Any:
    """Return the field whose values a foreign key holds in the end; or *field* itself."""
    while field.remote_field is not None:
        field = field.target_field
    return field


_STOCK: tuple[type[Any], ...] = (
    models.AutoField,
    models.BigAutoField,
    models.SmallAutoField,
    models.IntegerField,
    models.CharField,
    models.TextField,
    models.UUIDField,
    models.DateField,
    models.DecimalField,
)


def _quote(name: str | None) -> str:
    assert name is not None  # of a concrete column
    return name if name.startswith('"') else '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'::text"
