"""Values for every variable of every mutation, and cursors that are not quite right."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

from tests.fuzzing import values
from tests.fuzzing.documents import Corpus

_LIKELY: dict[str, tuple[Any, ...]] = {
    "Boolean": (True, False),
    "Date": ("2026-01-31", "9999-12-31"),
    "DateTime": ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456+05:30"),
    "Decimal": ("1.5", "0", "-3"),
    "Duration": ("1 00:00:00", "00:10:00"),
    "JSON": ({}, {"a": [1, None]}, "text", None),
}


class Writes:
    """The mutations of a schema with what their variables may be."""

    def __init__(
        self, sdl: str, corpus: Corpus, ids: Sequence[Any], cursors: Sequence[str]
    ) -> None:
        self._schema: GraphQLSchema = build_schema(sdl)
        self._mutations, self._ids = corpus.mutations, [*ids, *map(str, ids)]
        self._cursors = cursors

    def payload(self, random: Random) -> dict[str, Any]:
        """Return one mutation with values."""
        name = random.choice(sorted(self._mutations))
        assert self._schema.mutation_type is not None
        arguments = self._schema.mutation_type.fields[name].args
        given = {key: self._value(random, item.type) for key, item in arguments.items()}
        if random.random() < 0.9:
            given["projectId"] = self._ids[0]
        if "expectedVersion" in given and random.random() < 0.8:
            given["expectedVersion"] = random.choice((None, None, *self._cursors))
        return {"query": self._mutations[name], "variables": given}

    def _value(
        self, random: Random, kind: GraphQLInputType, depth: int = 0, *, may_be_null: bool = True
    ) -> Any:
        """Return what may fit *kind*, and more often does than not."""
        if random.random() < 0.02:
            return values.value(random)
        if isinstance(kind, GraphQLNonNull):
            return self._value(random, kind.of_type, depth, may_be_null=random.random() < 0.02)
        if may_be_null and random.random() < 0.15:
            return None
        if isinstance(kind, GraphQLList):
            return [
                self._value(random, kind.of_type, depth + 1) for _ in range(random.randint(0, 2))
            ]
        if isinstance(kind, GraphQLInputObjectType):
            names = [name for name in kind.fields if random.random() < (0.7 if depth < 4 else 0.1)]
            if kind.is_one_of and random.random() < 0.9:
                names = [random.choice(sorted(kind.fields))]
            return {name: self._value(random, kind.fields[name].type, depth + 1) for name in names}
        if isinstance(kind, GraphQLEnumType):
            return random.choice(sorted(kind.values))
        likely = _LIKELY.get(get_named_type(kind).name)
        if likely is not None and random.random() < 0.9:
            return random.choice(likely)
        if get_named_type(kind).name in ("ID", "Int") and random.random() < 0.95:
            is_small = get_named_type(kind).name == "Int" and random.random() < 0.9
            return random.choice(self._ids[: len(self._ids) // 2] if is_small else self._ids)
        return values.text(random) if random.random() < 0.9 else values.value(random)


def cursor(random: Random, valid: Sequence[str]) -> Any:
    """Return something to hand in as ``after``."""
    text = random.choice(valid)
    kind = random.choice((0, 0, 1, 2, 3, 4, 5, 5, 5, 6, 7))
    if kind == 0:
        return text
    if kind == 1:
        return values.value(random)
    if kind == 2:
        place = random.randrange(len(text))
        return text[:place] + random.choice("AZaz09-_=+/ä") + text[place + 1 :]
    if kind == 3:
        return text[: random.randrange(len(text))]
    if kind == 4:
        return text + random.choice((text, "=", "A", "\n", "====", "A" * 5000))
    body = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[4:])
    if kind == 5:  # changed in one byte, and signed as if it were right
        body[random.randrange(len(body))] = random.randrange(256)
    elif kind == 6:
        del body[random.randrange(len(body)) :]
    else:
        body = bytearray(random.randrange(256) for _ in range(random.randint(0, 120)))
    packed = zlib.crc32(body).to_bytes(4, "big") + body
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
