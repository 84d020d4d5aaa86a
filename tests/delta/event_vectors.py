"""Sequences of events with the state after each, for clients in any language.

A scenario is a list of nested states, as a person would write them; the events between them come
from the algebra that the server uses. ``tests/vectors/*.json`` holds them, for pytest and Vitest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from rxgraph.compile.state_tree import Layer, Relation, RelationKind, StateTree
from rxgraph.delta import Changes, State, View, diff, see, see_change, see_list, see_since
from rxgraph.types import Document, InstanceKey

FOLDER = Path(__file__).parent.parent / "vectors"

Nested = dict[str, Any]
Event = dict[str, Any]


def _relation(name: str, target: str, *, many: bool) -> Relation:
    return Relation(name, name, name, RelationKind.REVERSE, target, many, not many)


def _layer(typename: str, *relations: Relation) -> Layer:
    model: Any = SimpleNamespace(_meta=SimpleNamespace(label_lower=typename.lower()))
    serializer: Any = SimpleNamespace(fields={})
    return Layer(typename, serializer, model, (), relations)


LAYERS = {
    "Board": _layer(
        "Board", _relation("columns", "Column", many=True), _relation("lead", "Person", many=False)
    ),
    "Column": _layer("Column", _relation("cards", "Card", many=True)),
    "Card": _layer(
        "Card",
        _relation("owner", "Person", many=False),
        _relation("watchers", "Person", many=True),
    ),
    "Person": _layer("Person"),
}
LISTS = {"Board": "boards", "Column": "columns", "Card": "cards", "Person": "people"}
CHANNEL = {
    "field": "board",
    "typename": "BoardChannel",
    "root": "Board",
    "layers": {
        name: {
            "changes": LISTS[name],
            "relations": {
                relation.name: {"type": relation.target, "many": relation.many, "nullable": True}
                for relation in layer.relations
            },
            "inputs": {},
            "empty": {},
            "clocks": [],
            "optimistic": False,
            "optimisticTimeout": 3,
        }
        for name, layer in LAYERS.items()
    },
}


def flatten(nested: Iterable[Nested], version: int) -> dict[InstanceKey, Document]:
    """Return nested boards as flat documents."""
    found: dict[InstanceKey, Document] = {}

    def add(typename: str, item: Nested) -> str:
        data, links = dict(item), []
        for relation in LAYERS[typename].relations:
            value = item[relation.name]
            children = value if relation.many else [] if value is None else [value]
            ids = [add(relation.target, child) for child in children]
            data[relation.name] = ids if relation.many else next(iter(ids), None)
            links += [InstanceKey(relation.target, id_) for id_ in ids]
        key = InstanceKey(typename, item["id"])
        found[key] = Document(key, version, data, tuple(links))
        return key.id

    for board in nested:
        add("Board", board)
    return found


@dataclass
class Script:
    """Writes the events that lead from one nested state to the next."""

    about: str
    many: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    roots: list[Nested] = field(default_factory=list)
    _state: dict[InstanceKey, Document] = field(default_factory=dict)
    _history: list[tuple[Changes, list[str]]] = field(default_factory=list)

    @property
    def tree(self) -> StateTree:
        """The layers."""
        return StateTree(LAYERS, self.many, "vectors")

    @property
    def shown(self) -> Any:
        """The nested state, as a channel has it."""
        return self.roots if self.many else next(iter(self.roots), None)

    def snapshot(self, note: str, *roots: Nested) -> None:
        """Begin with *roots*, whatever was known."""
        self.roots = list(roots)
        self._state = flatten(roots, len(self.steps))
        event = self._event("SNAPSHOT", self._state.values())
        self._tell(note, {**event, "channel": self._channel()})

    def change(self, note: str, *roots: Nested, silent: bool = False) -> None:
        """Go on to *roots*; *silent*: the client is away and is told nothing yet."""
        ids = [root["id"] for root in self.roots]
        before = self._view(self._state)
        after_state = flatten(roots, len(self.steps) + len(self._history) + 1)
        changes = diff(self._state, after_state)
        self.roots = list(roots)
        self._state.update({key: after_state[key] for key in changes if key in after_state})
        for key in changes.keys() - after_state.keys():
            self._state.pop(key)
        if silent:
            self._history.append((changes, ids))
            return
        told = see_change(before, self._view(self._state), changes)
        self._delta(note, told.changed, told.removed, ids)

    def resume(self, note: str) -> None:
        """Tell what happened while the client was away, as one event."""
        tombstones = [
            Document(key, 10**6, removed=document.removed)
            for changes, _ in self._history
            for key, document in changes.items()
            if key not in self._state
        ]
        written = {key for changes, _ in self._history for key in changes}
        now = {
            key: Document(key, 10**6 if key in written else 0, item.data, item.links)
            for key, item in self._state.items()
        }
        told = see_since(self._view(now), tombstones, 1, None)
        self._delta(note, told.changed, told.removed, self._history[0][1])
        self._history = []

    def other(self, note: str, kind: str, **more: Any) -> None:
        """Tell something that leaves the state as it is."""
        self._tell(note, {**self._event(kind), **more})

    def _delta(self, note: str, changed: Any, removed: Any, ids: Sequence[str]) -> None:
        event = self._event("DELTA", changed)
        event["removed"] = [
            {"typename": key.typename, "nodeId": key.id, "reason": str(reason)}
            for key, reason in sorted(removed.items())
        ]
        if ids != [root["id"] for root in self.roots]:
            event["channel"] = self._channel()
        self._tell(note, event)

    def _tell(self, note: str, event: Event) -> None:
        self.steps.append(
            {"note": note, "event": event, "state": json.loads(json.dumps(self.shown))}
        )

    def _view(self, state: State) -> View:
        keys = [InstanceKey("Board", root["id"]) for root in self.roots]
        if self.many:
            return see_list(self.tree, keys, state, None)
        return see(self.tree, keys[0] if keys else InstanceKey("Board", ""), state, None)

    def _channel(self) -> dict[str, Any]:
        references = [_reference("Board", root["id"]) for root in self.roots]
        state = references if self.many else next(iter(references), None)
        return {"__typename": "BoardChannel", "id": "b", "state": state}

    def _event(self, kind: str, documents: Iterable[Document] = ()) -> Event:
        changed: dict[str, list[Any]] = {name: [] for name in LISTS.values()}
        for document in documents:
            changed[LISTS[document.key.typename]].append(_row(document))
        return {
            "kind": kind,
            "cursor": f"c{len(self.steps) + 1}",
            "session": "s",
            "channel": None,
            "changed": changed,
            "removed": [],
            "notifications": [],
            "clientMutationIds": [],
            "resetReason": None,
        }

    def as_json(self) -> str:
        """Return the file's text: one line per step."""
        steps = ",\n".join(f"  {json.dumps(step, sort_keys=True)}" for step in self.steps)
        head = json.dumps({"about": self.about, "channel": {**CHANNEL, "many": self.many}})
        return f'{head[:-1]}, "steps": [\n{steps}\n]}}\n'


def _reference(typename: str, id_: str) -> dict[str, str]:
    return {"__typename": typename, "id": id_}


def _row(document: Document) -> dict[str, Any]:
    row: dict[str, Any] = {"__typename": document.key.typename, **document.data}
    for relation in LAYERS[document.key.typename].relations:
        value = row[relation.name]
        if relation.many:
            row[relation.name] = [_reference(relation.target, id_) for id_ in value]
        elif value is not None:
            row[relation.name] = _reference(relation.target, value)
    return row


# -- the scenarios


def person(id_: str, name: str = "Ann") -> Nested:
    """Return a person."""
    return {"id": id_, "name": name, "extra": {"likes": [1, None]}}


def card(id_: str, title: str = "Dig", owner: Nested | None = None, *watchers: Nested) -> Nested:
    """Return a card."""
    return {"id": id_, "title": title, "owner": owner, "watchers": list(watchers)}


def column(id_: str, *cards: Nested) -> Nested:
    """Return a column."""
    return {"id": id_, "cards": list(cards)}


def board(id_: str, *columns: Nested, lead: Nested | None = None, name: str = "Garden") -> Nested:
    """Return a board."""
    return {"id": id_, "name": name, "columns": list(columns), "lead": lead}


def single() -> Script:
    """Everything that happens to one board."""
    script = Script("One anchor: what commits do to a nested state.")
    ann, bob = person("1"), person("2", "Bob")
    a, b, c = card("1", "Dig", ann), card("2", "Sow", ann, bob), card("3", "Reap")
    script.snapshot("the first state", board("1", column("1", a, b), column("2"), lead=ann))
    a = card("1", "Dig deep", ann)
    script.change("an update", board("1", column("1", a, b), column("2"), lead=ann))
    script.change("an append", board("1", column("1", a, b, c), column("2"), lead=ann))
    script.change("a reorder", board("1", column("1", c, a, b), column("2"), lead=ann))
    d = card("4", "Plan", bob)
    script.change("a prepend", board("1", column("1", d, c, a, b), column("2"), lead=ann))
    script.change("a move", board("1", column("1", d, a, b), column("2", c), lead=ann))
    ann = person("1", "Anne")
    a, b = card("1", "Dig deep", ann), card("2", "Sow", ann, bob)
    script.change("one shared", board("1", column("1", d, a, b), column("2", c), lead=ann))
    script.change("a null", board("1", column("1", d, a, b), column("2", c)))
    script.change("a deletion", board("1", column("1", d, b), column("2", c)))
    script.change("a cascade", board("1", column("2", c)))
    script.other("a message", "MESSAGE", notifications=[{"data": {"text": "hello"}}])
    c = card("3", "Reap", None, ann, bob)
    script.change("an entry with its subtree", board("1", column("2", c)))
    script.change("away: a change", board("1", column("2", card("3", "Reap!"))), silent=True)
    script.change("away: and back", board("1", column("2", c), column("3", a)), silent=True)
    script.resume("back: written since, also what is as it was")
    script.change("away: a loss", board("1", column("3")), silent=True)
    script.resume("back: removals")
    script.other("the cache is dropped", "RESET", resetReason="CACHE_CLEARED")
    script.snapshot("and all is told anew", board("1", column("3", a), name="Orchard"))
    script.change("the anchor is deleted")
    script.snapshot("and is there again", board("1", column("3", a), name="Orchard"))
    return script


def many() -> Script:
    """What happens to a list of boards."""
    script = Script("A list channel: membership and order.", many=True)
    ann = person("1")
    one, two = board("1", column("1", card("1", "Dig", ann)), lead=ann), board("2", lead=ann)
    script.snapshot("nothing yet")
    script.change("the first joins", one)
    script.change("a second at the beginning", two, one)
    script.change("a reorder", one, two)
    two = board("2", lead=ann, name="Orchard")
    script.change("an update", one, two)
    ann = person("1", "Anne")
    one = board("1", column("1", card("1", "Dig", ann)), lead=ann)
    two = board("2", lead=ann, name="Orchard")
    script.change("one that both lead to", one, two)
    script.change("one leaves", two)
    script.change("it comes back", two, one)
    script.change("away: one leaves", one, silent=True)
    script.resume("back")
    script.change("all are gone")
    script.snapshot("a new snapshot", two, one)
    return script


def walk(*, many: bool, seed: int, steps: int = 60) -> Script:
    """A random walk."""
    random = Random(seed)
    kind = "list of boards" if many else "board"
    script = Script(f"A random walk of a {kind}, seed {seed}.", many=many)
    for step in range(steps):
        roots = list(_random_boards(random, many=many))
        if step == 0 or random.random() < 0.05:
            script.snapshot("anew", *roots)
        elif random.random() < 0.15:
            script.change("away", *roots, silent=True)
            script.change("away", *_random_boards(random, many=many), silent=True)
            script.resume("back")
        else:
            script.change("on", *roots)
    return script


def _random_boards(random: Random, *, many: bool) -> Iterator[Nested]:
    people = [person(str(n), random.choice(("Ann", "Bob"))) for n in range(3)]
    cards = [
        card(
            str(n),
            random.choice(("Dig", "Sow")),
            random.choice([*people, None]),
            *random.sample(people, random.randrange(3)),
        )
        for n in range(6)
    ]
    random.shuffle(cards)
    columns = [column(str(n)) for n in range(4)]
    for item in cards[random.randrange(4) :]:
        random.choice(columns)["cards"].append(item)
    random.shuffle(columns)
    ids = ["1", "2", "3"] if many else ["1"]
    random.shuffle(ids)
    for id_ in ids[random.randrange(3) :] if many else ids:
        given = [columns.pop() for _ in range(random.randrange(len(columns) + 1))]
        yield board(id_, *given, lead=random.choice([*people, None]))


def scripts() -> Mapping[str, Script]:
    """Return every scenario by the name of its file."""
    return {
        "events_single": single(),
        "events_many": many(),
        "events_single_walk": walk(many=False, seed=1),
        "events_many_walk": walk(many=True, seed=2),
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, script in scripts().items():
        (FOLDER / f"{name}.json").write_text(script.as_json())


if __name__ == "__main__":
    main()
