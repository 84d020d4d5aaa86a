"""A database that remembers every state it ever had, and the intent log in it.

Boards have items, items have parts and an owner; tables are values, so a snapshot is a reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Protocol

from django.db import models

from rxgraph.cache import steps
from rxgraph.compile.state_tree import Layer, Relation, RelationKind, StateTree
from rxgraph.types import Document, InstanceKey, RowKey
from tests.simulation.choices import Choices

BOARDS = ("1", "2")
_CHILDREN = {"items": "Item", "parts": "Part"}

Shown = frozenset[tuple[InstanceKey, str]]
Tokens = dict[int, tuple[Any, str]]


class FakeModel:
    """Just enough of a model for the tree."""

    def __init__(self, label: str) -> None:
        pk: Any = models.CharField(max_length=20, name="id")
        self._meta = SimpleNamespace(label_lower=label, ordering=(), pk=pk, concrete_model=self)


def relation(name: str, kind: RelationKind, target: str, *, many: bool) -> Relation:
    """Return a relation whose column and accessor have its name."""
    return Relation(name, name, name, kind, target, many, not many)


def layer(typename: str, *relations: Relation) -> Layer:
    """Return a layer of a fake model."""
    serializer: Any = SimpleNamespace(fields={})
    model: Any = FakeModel(f"sim.{typename.lower()}")
    return Layer(typename, serializer, model, (), relations)


TREE = StateTree(
    {
        "Board": layer("Board", relation("items", RelationKind.REVERSE, "Item", many=True)),
        "Item": layer(
            "Item",
            relation("parts", RelationKind.REVERSE, "Part", many=True),
            relation("owner", RelationKind.FORWARD, "Owner", many=False),
        ),
        "Part": layer("Part"),
        "Owner": layer("Owner"),
    },
    many=False,
    fingerprint="sim",
)


@dataclass
class Tables:
    """Boards 1 and 2, items that move between them, parts of items, owners of items."""

    boards: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BOARDS, 0))
    items: dict[str, tuple[str | None, int, str | None]] = field(default_factory=dict)
    parts: dict[str, tuple[str, int]] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    _rows: dict[InstanceKey, steps.Row | None] = field(default_factory=dict, compare=False)

    @classmethod
    def begin(cls) -> Tables:
        """Return the tables that every world begins with."""
        return cls(
            items={f"i{index}": ("1", 0, "o1") for index in range(3)},
            parts={"p0": ("i0", 0), "p1": ("i1", 0)},
            owners={"o1": 0, "o2": 0},
        )

    def copy(self) -> Tables:
        """Return tables that can be changed while these stay as they are."""
        return Tables(dict(self.boards), dict(self.items), dict(self.parts), dict(self.owners))

    def row(self, key: InstanceKey) -> steps.Row | None:
        """Render one row as a layer would."""
        name, id_ = key
        if name == "Board" and id_ in self.boards:
            items = [i for i, (board, _, _) in sorted(self.items.items()) if board == id_]
            links = tuple(InstanceKey("Item", i) for i in items)
            return steps.Row(key, {"id": id_, "v": self.boards[id_], "items": items}, links)
        if name == "Item" and id_ in self.items:
            board, value, owner = self.items[id_]
            parts = [p for p, (item, _) in sorted(self.parts.items()) if item == id_]
            links = tuple(InstanceKey("Part", p) for p in parts)
            links += (InstanceKey("Owner", owner),) if owner else ()
            data = {"id": id_, "v": value, "parts": parts, "owner": owner}
            above = (InstanceKey("Board", board),) if board else ()
            return steps.Row(key, data, links, parents=above)
        if name == "Part" and id_ in self.parts:
            item, value = self.parts[id_]
            return steps.Row(key, {"id": id_, "v": value}, (), parents=(InstanceKey("Item", item),))
        if name == "Owner" and id_ in self.owners:
            return steps.Row(key, {"id": id_, "v": self.owners[id_]}, ())
        return None

    def kept(self, key: InstanceKey) -> steps.Row | None:
        """Render one row, once: for tables that do not change any more."""
        try:
            return self._rows[key]
        except KeyError:
            row = self._rows[key] = self.row(key)
            return row

    def tree(self, id_: str) -> list[steps.Row]:
        """Render everything below one board."""
        found: dict[InstanceKey, steps.Row] = {}
        frontier = [InstanceKey("Board", id_)]
        while frontier:
            row = self.row(frontier.pop())
            if row is not None and row.key not in found:
                found[row.key] = row
                frontier.extend(row.links)
        return list(found.values())

    def shown(self, boards: tuple[str, ...]) -> Shown:
        """Return what a client of these boards must show."""
        rows = (row for board in boards for row in self.tree(board))
        return frozenset((row.key, repr(row.data)) for row in rows)


class Changing(Protocol):
    """Whose tables are changed, and where new values come from."""

    tables: Tables

    def value(self) -> int:
        """Return a value never used before."""


def change(world: Changing, rng: Any) -> set[RowKey]:
    """Make one random change to the tables; return the rows it touched."""
    tables = world.tables
    items, parts, owners = sorted(tables.items), sorted(tables.parts), sorted(tables.owners)
    kind = rng.choice(
        ["item", "item", "part", "owner", "board", "move", "new", "newpart", "drop", "own", "dropo"]
    )
    if kind == "item" and items:
        id_ = rng.choice(items)
        board, _, owner = tables.items[id_]
        tables.items[id_] = (board, world.value(), owner)
        return {row_key("Item", id_)}
    if kind == "part" and parts:
        id_ = rng.choice(parts)
        item = rng.choice(items) if items and rng.random() < 0.5 else tables.parts[id_][0]
        tables.parts[id_] = (item, world.value())
        return {row_key("Part", id_)}
    if kind == "owner" and owners:
        id_ = rng.choice(owners)
        tables.owners[id_] = world.value()
        return {row_key("Owner", id_)}
    if kind == "board":
        tables.boards["1"] = world.value()
        return {row_key("Board", "1")}
    if kind == "move" and items:
        id_ = rng.choice(items)
        _, value, owner = tables.items[id_]
        tables.items[id_] = (rng.choice(["1", "1", "2", None]), value, owner)
        return {row_key("Item", id_)}
    if kind == "new":
        id_ = f"n{world.value()}"
        tables.items[id_] = ("1", 0, rng.choice([*owners, None]))
        return {row_key("Item", id_)}
    if kind == "newpart" and items:
        id_ = f"q{world.value()}"
        tables.parts[id_] = (rng.choice(items), 0)
        return {row_key("Part", id_)}
    if kind == "drop" and items:
        id_ = rng.choice(items)
        del tables.items[id_]
        lost = [part for part in parts if tables.parts[part][0] == id_]
        for part in lost:
            del tables.parts[part]
        return {row_key("Item", id_), *(row_key("Part", part) for part in lost)}
    if kind == "own" and items:
        id_ = rng.choice(items)
        board, value, _ = tables.items[id_]
        tables.items[id_] = (board, value, rng.choice([*owners, None]))
        return {row_key("Item", id_)}
    if kind == "dropo" and len(owners) > 1:
        id_ = rng.choice(owners)
        del tables.owners[id_]
        touched = {row_key("Owner", id_)}
        for item, (board, value, owner) in list(tables.items.items()):
            if owner == id_:
                tables.items[item] = (board, value, None)
                touched.add(row_key("Item", item))
        return touched
    return set()


def row_key(typename: str, id_: str) -> RowKey:
    """Return the key of a simulated row."""
    return RowKey(f"sim.{typename.lower()}", id_)


def with_lists(row: steps.Row, lists: Mapping[str, list[str]]) -> steps.Row:
    """Return *row* with *lists* instead of what was read."""
    if not lists:
        return row
    data, links = row.data | dict(lists), row.links
    for name, ids in lists.items():
        child = _CHILDREN[name]
        others = [key for key in links if key.typename != child]
        links = (*(InstanceKey(child, id_) for id_ in ids), *others)
    return replace(row, data=data, links=links)


def document_of(row: steps.Row, version: int) -> Document:
    """Return what a cache keeps of *row*."""
    return Document(row.key, version, row.data, row.links, row.owner)


class Database:
    """The tables as they are, every state they had, and what transactions said they touched."""

    def __init__(self) -> None:
        self.tables = Tables.begin()
        self.versions = 0
        #: Board → a state that it had → the numbers of the versions in which it had that.
        self.history: dict[str, dict[Shown, list[int]]] = {board: {} for board in BOARDS}
        self.intents: dict[int, tuple[float, frozenset[RowKey]]] = {}
        self._values = 0
        self._tokens: Tokens = {}
        self._snapshot = self.tables.copy()
        self._remember()

    def value(self) -> int:
        """Return a value never used before."""
        self._values += 1
        return self._values

    def transact(self, choices: Choices, now: float) -> tuple[int, frozenset[RowKey]]:
        """Commit one random transaction; answer the number of its intent and the rows in it."""
        touched: set[RowKey] = set()
        for _ in range(choices.choice((1, 1, 2, 3))):
            touched |= change(self, choices)
        if not touched:
            return 0, frozenset()
        self.versions += 1
        self._snapshot = self.tables.copy()
        self._remember()
        number = self.value()
        self.intents[number] = (now, frozenset(touched))
        return number, frozenset(touched)

    def shown(self, board: str) -> Shown:
        """Return what a client of *board* must show now."""
        return self._shown[board]

    def token(self, data: dict[str, Any]) -> str:
        """Return a text that is the same for equal *data*, which nobody changes."""
        found = self._tokens.get(id(data))
        if found is None:
            found = self._tokens[id(data)] = (data, repr(data))
        return found[1]

    def _remember(self) -> None:
        self._shown: dict[str, Shown] = {}
        for board in BOARDS:
            found: dict[InstanceKey, str] = {}
            frontier = [InstanceKey("Board", board)]
            while frontier:
                key = frontier.pop()
                row = None if key in found else self._snapshot.kept(key)
                if row is not None:
                    found[key] = self.token(row.data)
                    frontier.extend(row.links)
            state = self._shown[board] = frozenset(found.items())
            self.history[board].setdefault(state, []).append(self.versions)

    # -- the answers to steps

    def locate(self, channel: str, step: steps.Locate) -> dict[str, frozenset[InstanceKey]]:
        """Return the rows' instances and the parents they name."""
        own = {
            InstanceKey(row.model.removeprefix("sim.").capitalize(), row.pk)
            for row in step.rows
            if row.model.startswith("sim.")
        }
        found = (self._snapshot.kept(key) for key in own)
        return {channel: frozenset(own | {p for r in found if r is not None for p in r.parents})}

    def open(self) -> Any:
        """Begin a snapshot."""
        return self._snapshot, tuple(rows for _, rows in self.intents.values()), None

    def glance(self, step: steps.Glance) -> Any:
        """Answer with a snapshot of one row, where there is a short way."""
        named = [row for row in step.rows if row.model in ("sim.item", "sim.part", "sim.owner")]
        if len(step.rows) != 1 or not named or len(self.intents) > 1:
            return None
        key = InstanceKey(named[0].model.removeprefix("sim.").capitalize(), named[0].pk)
        return (*self.open()[:2], key)

    def read_rows(self, step: steps.ReadRows) -> dict[InstanceKey, steps.Row]:
        """Render rows of a snapshot."""
        tables, _, only = step.snapshot
        if only is not None and (
            step.wanted != {only} or (only.typename == "Item" and not step.lists.get(only))
        ):
            raise steps.Beyond
        read = [row for key in step.wanted if (row := tables.kept(key)) is not None]
        return {row.key: with_lists(row, step.lists.get(row.key, {})) for row in read}

    def read_existing(self, step: steps.ReadExisting) -> frozenset[InstanceKey]:
        """Return which rows a snapshot shows."""
        tables, _, only = step.snapshot
        if only is not None:
            raise steps.Beyond
        return frozenset(key for key in step.wanted if tables.kept(key) is not None)

    def read_tree(self, step: steps.ReadTree) -> list[Document]:
        """Render everything below a board."""
        return [document_of(row, step.version) for row in step.snapshot[0].tree(step.anchor_id)]
