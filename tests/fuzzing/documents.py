"""Documents that are valid but for something, and documents that are far too much."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

from graphql import build_schema

from rxgraph.testing import document_for, mutation_for, query_for
from tests.fuzzing import values

_TOKEN = re.compile(r'\.\.\.|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d[\w.]*|\S')
_SNIPPETS = (
    *("{", "}", "(", ")", "[", "]", "!", ":", "=", "@", "$", "|", "&", "...", "#", '"', '"""', ","),
    *("on", "query", "mutation", "subscription", "fragment", "true", "null", "type", "extend"),
    *("@include(if: true)", "@skip(if: $a)", "@defer", "@stream(initialCount: 0)", "@deprecated"),
    *("@include", "@include(if: 1)", "@oneOf", '@channel(field: "x")', "@a @a @a", "$a", "$a: Int"),
    *("__typename", "__schema { types { name } }", '__type(name: "Task") { name }', "..."),
    *(
        "...A",
        "... on Task { id }",
        "... on Nothing { id }",
        "... { id }",
        "{ }",
        "id: id",
        "a: id",
    ),
    *("(id: 1)", "(after: 5)", "(projectId: $projectId)", '"\\ud800"', '"\\u{1F600}"', '"ä🏃"'),
    *("99999999999999999999", "1e999", "-0", "0x1", "\ufeff", "\u2028", "\x00", "ä"),
)


class Corpus:
    """The documents of a schema, and the words in them."""

    def __init__(self, sdl: str) -> None:
        schema = build_schema(sdl)
        assert schema.mutation_type is not None
        assert schema.query_type is not None
        self.mutations = {name: mutation_for(sdl, name) for name in schema.mutation_type.fields}
        channels = list(schema.query_type.fields)
        self.subscriptions = {name: document_for(sdl, name) for name in channels}
        self.queries = {name: query_for(sdl, name) for name in channels}
        self.documents = [
            *self.mutations.values(),
            *self.subscriptions.values(),
            *self.queries.values(),
        ]
        self.words = sorted({word for text in self.documents for word in _TOKEN.findall(text)})


def document(random: Random, corpus: Corpus) -> str:
    """Return a document."""
    if random.random() < 0.25:
        return random.choice(_TOO_MUCH)(random)
    reads = (*corpus.queries.values(), *corpus.subscriptions.values())
    tokens = _TOKEN.findall(random.choice(reads if random.random() < 0.8 else corpus.documents))
    for _ in range(random.choice((0, 1, 1, 1, 2, 4))):
        place = random.randrange(len(tokens) + 1)
        kind = random.randint(0, 5)
        if kind == 0:
            del tokens[place : place + random.randint(1, 4)]
        elif kind == 1:
            tokens[place:place] = tokens[place : place + random.randint(1, 20)]
        elif kind == 2:
            tokens[place : place + 1] = [random.choice(corpus.words)]
        elif kind == 3:
            tokens.insert(place, random.choice(_SNIPPETS))
        elif kind == 4 and tokens:
            other = random.randrange(len(tokens))
            place = min(place, len(tokens) - 1)
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif kind == 5 and tokens:
            tokens.insert(place, random.choice(tokens))
    return " ".join(tokens)


def _deep(random: Random) -> str:
    depth = random.choice((5, 60, 200, 1000, 5000))
    middle = random.choice(("state { ", "a: project(projectId: 1) { ", "... { ", "... on Query { "))
    return "{" + middle * depth + "id" + " }" * depth + "}"


def _aliases(random: Random) -> str:
    count = random.choice((10, 500, 3000))
    field = random.choice(("__typename", "project(projectId: 1) { id }", "nothing"))
    return "{ " + " ".join(f"a{number}: {field}" for number in range(count)) + " }"


def _cycle(random: Random) -> str:
    size = random.randint(1, 30)
    parts = [f"fragment F{i} on Query {{ ...F{(i + 1) % size} }}" for i in range(size)]
    return "{ ...F0 } " + " ".join(parts)


def _fan(random: Random) -> str:
    """Fragments that double with every level."""
    size = random.choice((5, 12, 25))
    parts = [
        f"fragment F{i} on Query {{ a: __typename ...F{i + 1} ...F{i + 1} }}" for i in range(size)
    ]
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{size} on Query {{ __typename }}"


def _lists(random: Random) -> str:
    depth = random.choice((10, 300, 3000))
    return f"{{ project(projectId: {'[' * depth}1{']' * depth}) {{ id }} }}"


def _directives(random: Random) -> str:
    return "{ __typename " + "@include(if: true) " * random.choice((2, 50, 2000)) + "}"


def _operations(random: Random) -> str:
    kind = random.choice(("query", "mutation", "subscription"))
    return " ".join(
        f"{kind} A{number % 7} {{ __typename }}" for number in range(random.randint(2, 99))
    )


def _variables(random: Random) -> str:
    count = random.choice((2, 100, 2000))
    kind = random.choice(("Int", "[[[Int]]]!", "Nothing", "TaskSaveInput", "JSON = {a: [1]}"))
    return (
        "query (" + " ".join(f"$v{number}: {kind}" for number in range(count)) + ") { __typename }"
    )


def _text(random: Random) -> str:
    size = random.choice((10, 1000, 100_000))
    body = random.choice(("x", '\\"', "\\u0041", "ä", "\n")) * size
    quote = random.choice(('"', '"""', "#"))
    return f"{{ project(projectId: {quote}{body}{quote}) {{ id }} }}"


def _introspection(random: Random) -> str:
    depth = random.choice((1, 3, 7, 12))
    return "{ __schema { types { " + "fields { type { " * depth + "name" + " } }" * depth + " } } }"


def _noise(random: Random) -> str:
    return "".join(
        random.choice((*_SNIPPETS, values.text(random))) for _ in range(random.randint(0, 9))
    )


_TOO_MUCH: tuple[Callable[[Random], str], ...] = (
    *(_deep, _aliases, _cycle, _fan, _lists, _directives, _operations, _variables, _text),
    *(_introspection, _noise),
)


def payload(random: Random, corpus: Corpus, known: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of an operation; *known*: variables that mean something."""
    found: dict[str, Any] = {"query": document(random, corpus), "variables": dict(known)}
    if random.random() < 0.3:
        name = random.choice(sorted(known))
        found["variables"][name] = values.value(random)
    if random.random() < 0.1:
        found["operationName"] = random.choice((None, "", "A1", "Project", values.text(random)))
    if random.random() < 0.1:
        found["extensions"] = {"persistedQuery": values.value(random)}
    return found
