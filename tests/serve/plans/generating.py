"""Any operation over any state of the torture channels, as any of two users sees it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import strategies as st

from rxgraph.compile.channel import CompiledChannel, compile_channel
from rxgraph.compile.channel_types import ChannelEventKind, ResetReason
from rxgraph.compile.state_tree import Layer, StateTree
from rxgraph.delta import State, View, ViewChange, see, see_list
from rxgraph.operations import Operation as WriteOperation
from rxgraph.serve.events import EventMaker, Stamp
from rxgraph.serve.mutations import PayloadSource
from rxgraph.serve.schema import make_schema
from rxgraph.serve.sources import ChannelSource, EventSource, ValuesSource
from rxgraph.sync.writing import Message, MessageKind, Outcome, Written
from rxgraph.types import FOREST, AnchorKey, Document, InstanceKey, RemovalReason
from tests.torture.channels import AlbumChannel, AlbumListChannel, Shelf

USERS = ("ann", "bob")
ALBUM, ALBUMS = compile_channel(AlbumChannel), compile_channel(AlbumListChannel)
CHANNELS = (ALBUM, ALBUMS)


class Sources:
    """Resolvers that answer with a source which was made before."""

    def __init__(self) -> None:
        self.channel: Any = None
        self.payload: Any = None

    def query(self, *_: Any) -> Any:
        """Return the channel."""
        return self.channel

    async def write(self, *_: Any, batch: bool) -> Any:
        """Return the payload."""
        return self.payload

    async def subscribe(self, *_: Any) -> Any:
        """Never called: events are executed one by one."""

    async def act(self, *_: Any) -> Any:
        """Never called."""


SOURCES = Sources()
SCHEMA = make_schema(CHANNELS, SOURCES)
CORE = SCHEMA._schema

# -- states, from a seed: there is too much in one for Hypothesis to draw piece by piece

#: Ids with what has to be escaped in JSON, and without.
IDS = ("1", "2", "a-1", 'q"\\,', "é\n")
TEXTS = ("", "plain", 'quo"te', "back\\slash", "line\nbreak", "\x00\x01", "žluť 🎈")
#: What no serializer renders, of any type.
WRONG: tuple[Any, ...] = (
    *(None, "no", 7, 2**40, 1.5, math.nan, math.inf, True),
    *([], ["x", None], {}, "\ud800"),
)
_NUMBERS = (0.0, -0.0, 1.5, 1e300, 1e-7, 3, -9)


class Draw(random.Random):
    """Chooses values."""

    def texts(self, most: int) -> list[str]:
        """Return some texts."""
        return [self.choice(TEXTS) for _ in range(self.randrange(most + 1))]

    def ids(self, most: int = 3) -> list[str]:
        """Return different ids, in any order."""
        return self.sample(IDS, self.randrange(most + 1))

    def json(self, depth: int = 2) -> Any:
        """Return any JSON."""
        kind = self.randrange(8 if depth else 6)
        if kind == 6:
            return [self.json(depth - 1) for _ in range(self.randrange(3))]
        if kind == 7:
            return {key: self.json(depth - 1) for key in self.texts(2)}
        return (None, self.random() < 0.5, 2**40, 1.5, self.choice(TEXTS), -3)[kind]

    def value(self, type_: Any, *, regular: bool = True) -> Any:
        """Return what a serializer renders for a field of *type_*, or is not *regular*."""
        if not regular and self.random() < 0.1:
            return self.choice(WRONG)
        if is_non_null_type(type_):
            return self.present(type_.of_type)
        return None if self.random() < 0.3 else self.present(type_)

    def present(self, type_: Any) -> Any:
        """Return the same, but no null."""
        if is_list_type(type_):
            return [self.value(type_.of_type) for _ in range(self.randrange(3))]
        if is_enum_type(type_):
            return self.choice([value.value for value in type_.values.values()])
        match type_.name:
            case "Int":
                return self.choice((0, -(2**31), 2**31 - 1, 7))
            case "Float":
                return self.choice(_NUMBERS)
            case "Boolean":
                return self.random() < 0.5
            case "ID":
                return self.choice((*IDS, 7))
            case "JSON":
                return {"x": self.json()}
            case _:
                return self.choice(TEXTS)

    def document(
        self, layer: Layer, id_: str, version: int = 1, *, regular: bool = True
    ) -> Document:
        """Return a document of a layer, with links to any others, which may not be there."""
        type_: Any = CORE.type_map[layer.typename]
        fields = {
            item.extensions["strawberry-definition"].python_name: item.type
            for item in type_.fields.values()
        }
        data: dict[str, Any] = {
            value.name: self.value(fields[value.name], regular=regular) for value in layer.values
        }
        links: list[InstanceKey] = []
        for relation in layer.relations:
            ids = self.ids() if relation.many else self.ids(1)
            if not ids and not relation.many and not relation.nullable:
                ids = ["1"]
            data[relation.name] = ids if relation.many else ids[0] if ids else None
            links += (InstanceKey(relation.target, link) for link in ids)
        owner = self.choice(USERS) if layer.user_key else None
        if not regular and self.random() < 0.1:
            data.pop(self.choice(layer.values).name, None)
        return Document(InstanceKey(layer.typename, id_), version, data, tuple(links), owner)

    def state(self, tree: StateTree, *, regular: bool = True) -> State:
        """Return a state; the root of a single anchor is there."""
        found: dict[InstanceKey, Document] = {}
        for layer in tree.layers.values():
            ids = self.ids()
            if layer is tree.root and "1" not in ids:
                ids.append("1")
            for id_ in ids:
                document = self.document(layer, id_, regular=regular)
                found[document.key] = document
        return found


draws = st.integers(0, 2**32).map(Draw)


def seen(tree: StateTree, state: State, user: str, roots: Sequence[str] = ("1",)) -> View:
    """Return *state* as a user sees it; of a list, the *roots*."""
    keys = [InstanceKey(tree.root.typename, root) for root in roots]
    return see_list(tree, keys, state, user) if tree.many else see(tree, keys[0], state, user)


def public(tree: StateTree, state: State) -> View:
    """Return *state* as everybody would see it, if nothing in it was private."""
    return View(tree, (InstanceKey(tree.root.typename, "1"),), state, None)


# -- events

_LISTENING = ValuesSource({"listeners": 3, "now_playing": "So What"})


@st.composite
def events(
    draw: st.DrawFn, compiled: CompiledChannel, view: View, arguments: Mapping[str, object]
) -> EventSource:
    """Any event about *view*, of a subscription with *arguments*."""
    anchor = FOREST if compiled.tree.many else "1"
    stamp = Stamp(AnchorKey(compiled.name, anchor), b"store", b"viewer")
    maker = EventMaker(compiled, arguments, stamp, draw(st.sampled_from(["p.1", 'p."2"'])))
    maker.runtime = draw(st.sampled_from([ValuesSource({}), _LISTENING]))
    cursor = draw(st.sampled_from(["c1", "c2"]))
    own = draw(draws)
    match draw(st.sampled_from([*ChannelEventKind, "RELISTED", "EMPTIED"])):
        case ChannelEventKind.SNAPSHOT:
            return maker.snapshot(view, cursor)
        case ChannelEventKind.RESET:
            return maker.reset(view, own.choice(list(ResetReason)))
        case ChannelEventKind.MESSAGE:
            return maker.message(view, [own.json() for _ in range(own.randrange(3))], cursor)
        case "EMPTIED":
            return maker.emptied(view, {}, is_gone=True)
        case kind:
            keys = sorted(view.keys())
            told = own.sample(keys, min(len(keys), 4))
            removed = dict.fromkeys(own.sample(keys, min(len(keys), 2)), RemovalReason.LEFT)
            change = ViewChange(tuple(view.state[key] for key in told), removed)
            is_relisted = kind == "RELISTED"
            return maker.delta(view, change, cursor, own.texts(2), is_relisted=is_relisted)


@st.composite
def payloads(draw: st.DrawFn, compiled: CompiledChannel, view: View) -> PayloadSource:
    """Any answer to a write in *view*."""
    own = draw(draws)
    keys = [InstanceKey("Track", id_) for id_ in own.ids()]
    operation = own.choice(list(WriteOperation))
    written = tuple(
        Written(key.typename, key.id, operation, tuple(own.sample(sorted(view.keys()), 1)))
        for key in keys
    )
    messages = tuple(
        Message(own.choice(list(MessageKind)), text, own.choice([None, "title"]), "CODE")
        for text in own.texts(2)
    )
    shown = own.choice([view, view, None])
    outcome = Outcome(written, messages)
    payload = PayloadSource(compiled, outcome, own.choice([None, "m1"]), shown, "cursor")
    payload.is_batch = own.random() < 0.5
    return payload


WRITES = (
    'albumSaveTrack(albumId: 1, id: "1", data: {})',
    'albumDeleteTrack(albumId: 1, id: "1")',
    "albumWrite(albumId: 1, operations: [])",
)


def channel_of(compiled: CompiledChannel, view: View) -> ChannelSource:
    """Return what a query of *view* reads."""
    return ChannelSource("an id", "cursor", view, compiled.tree.many)


# -- operations

_DIRECTIVES = ["", "", "", "@include(if: $yes)", "@skip(if: $yes)", "@include(if: $no)"]
_MORE = [
    "@skip(if: $no)",
    "@include(if: true)",
    "@skip(if: true)",
    "@skip(if: $no) @include(if: $yes)",
]
_directives = st.sampled_from(_DIRECTIVES + _MORE)
_DEPTH = 4


@dataclass
class Operation:
    """A document with one operation, which takes ``$yes`` and ``$no``."""

    head: str
    body: str
    arguments: Mapping[str, object]
    fragments: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The document."""
        return "\n".join([f"{self.head} {{ {self.body} }}", *self.fragments])


@st.composite
def selections(
    draw: st.DrawFn, type_: GraphQLObjectType, operation: Operation, depth: int = 0
) -> str:
    """Any selection set of *type_*; of relations at most some levels."""
    names = ["__typename", *type_.fields]
    parts: list[str] = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=5)):
        part = draw(_selected(type_, name, operation, depth))
        if part:
            parts.append(draw(_wrapped(type_, part, operation)))
    # At least one field that nothing skips, or the document would not be valid.
    return f"{{ {' '.join(parts)} {draw(st.sampled_from(['__typename', 'kept: __typename']))} }}"


@st.composite
def _wrapped(draw: st.DrawFn, type_: GraphQLObjectType, part: str, operation: Operation) -> str:
    match draw(st.integers(0, 7)):
        case 0:
            return f"... {draw(_directives)} {{ {part} }}"
        case 1:
            return f"... on {type_.name} {draw(_directives)} {{ {part} }}"
        case 2:
            name = f"F{len(operation.fragments)}"
            operation.fragments.append(f"fragment {name} on {type_.name} {{ {part} }}")
            return f"...{name} {draw(_directives)}"
        case 3:
            return f"{part} {part}"
        case _:
            return part


@st.composite
def _selected(
    draw: st.DrawFn, type_: GraphQLObjectType, name: str, operation: Operation, depth: int
) -> str:
    if name == "__typename":
        return draw(st.sampled_from(["__typename", "kind_of: __typename"])) + draw(_directives)
    found = type_.fields[name]
    directive = draw(_directives)
    # An alias stands for one field only, so that what is merged can be.
    alias = draw(st.sampled_from(["", "", f"a_{name}: "]))
    if is_leaf_type(get_named_type(found.type)):
        return f"{alias}{name} {directive}"
    inner: Any = get_named_type(found.type)
    if name == "query" and depth == 0:
        return f"{alias}query {directive} {draw(_own_query(operation))}"
    if depth >= _DEPTH:
        return ""
    return f"{alias}{name} {directive} {draw(selections(inner, operation, depth + 1))}"


@st.composite
def _own_query(draw: st.DrawFn, operation: Operation) -> str:
    root = operation.body  # what the event's field is called with
    fields = draw(st.sampled_from(["__typename id", "key: id cursor", "state { __typename }"]))
    others = [call for calls in CALLS.values() for call in calls]
    other = draw(st.sampled_from([root, root, root, *others]))
    return f"{{ __typename {other} {{ {fields} }} }}"


#: Field → how it is called, with the arguments that this means.
CALLS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "album": {
        "album(albumId: $albumId)": {"album_id": 1, "shelf": Shelf.FRONT},
        "album(albumId: 1, shelf: BACK)": {"album_id": 1, "shelf": Shelf.BACK},
    },
    "albumList": {"albumList": {"search": None}, "albumList(search: $text)": {"search": "x"}},
}
VARIABLES = "($albumId: Int!, $text: String, $yes: Boolean!, $no: Boolean!)"


@st.composite
def writes(draw: st.DrawFn) -> Operation:
    """Any mutation that writes."""
    call = draw(st.sampled_from(WRITES))
    root: Any = CORE.mutation_type
    type_: Any = get_named_type(root.fields[call.partition("(")[0]].type)
    operation = Operation(f"mutation Generated {VARIABLES}", call, {})
    operation.body = f"{call} {draw(selections(type_, operation))}"
    return operation


@st.composite
def operations(draw: st.DrawFn, kind: str, compiled: CompiledChannel) -> Operation:
    """Any query or subscription of a channel."""
    root: Any = CORE.query_type if kind == "query" else CORE.subscription_type
    type_: Any = get_named_type(root.fields[compiled.names.field].type)
    calls = CALLS[compiled.names.field]
    call = draw(st.sampled_from(list(calls)))
    operation = Operation(f"{kind} Generated {VARIABLES}", call, calls[call])
    alias = draw(st.sampled_from(["", "answer: "]))
    operation.body = f"{alias}{call} {draw(selections(type_, operation))}"
    return operation


def variables(yes: bool, no: bool) -> dict[str, Any]:
    """Return the variables of a generated operation."""
    return {"albumId": 1, "text": "x", "yes": yes, "no": no}
