"""What GraphQL resolves from: sources over immutable data, captured when an event is made.

Every source answers ``resolve(name)`` for the attribute names of ``compile/object_types.py`` and
``channel_types.py``. They read a :class:`View`, whose state is never changed in place, so a later
move cannot show in an earlier event. *Plain* sources have nothing to wait for, and no field of
theirs takes arguments (see ``executing``). Enum values stay raw: graphql-core looks them up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from rxgraph.compile.channel import CompiledChannel
from rxgraph.compile.channel_types import ChannelEventKind, GraphQLRemovalReason, ResetReason
from rxgraph.compile.state_tree import Layer
from rxgraph.delta import View
from rxgraph.errors import BadRequest
from rxgraph.types import JSON, Document, InstanceKey, RemovalReason, TypeName

Read = Callable[[View, Document], object]


class InstanceSource:
    """One visible instance."""

    __slots__ = ("_readers", "document", "view")
    is_plain = True

    def __init__(self, view: View, document: Document) -> None:
        self.view, self.document = view, document
        self._readers = _readers(view.tree.layers[document.key.typename])

    def resolve(self, name: str) -> object:
        """Return a value, a source, or a list of sources."""
        return self._readers[name](self.view, self.document)


@cache
def _readers(layer: Layer) -> Mapping[str, Read]:
    found: dict[str, Read] = {value.name: _value(value.name) for value in layer.values}
    for relation in layer.relations:
        read = _many if relation.many else _one
        found[relation.name] = read(relation.name, relation.target)
    found["id"] = lambda view, document: document.key.id
    return found


def _value(name: str) -> Read:
    return lambda view, document: document.data.get(name)


def _one(name: str, target: str) -> Read:
    def read(view: View, document: Document) -> object:
        id_ = document.data.get(name)
        found = None if id_ is None else view.document(InstanceKey(target, id_))
        return None if found is None else InstanceSource(view, found)

    return read


def _many(name: str, target: str) -> Read:
    def read(view: View, document: Document) -> object:
        found = (view.document(InstanceKey(target, id_)) for id_ in document.data.get(name) or ())
        return [InstanceSource(view, child) for child in found if child is not None]

    return read


class ChangesSource:
    """Whole instances by layer, each list in the order they were given; None: all that is seen."""

    __slots__ = ("_changed", "_compiled", "_lists", "view")
    is_plain = True

    def __init__(
        self, compiled: CompiledChannel, view: View, changed: Iterable[Document] | None
    ) -> None:
        self._compiled, self.view = compiled, view
        self._changed = None if changed is None else tuple(changed)
        self._lists: dict[str, list[InstanceSource]] | None = None

    @property
    def is_whole(self) -> bool:
        """True for everything that the viewer sees."""
        return self._changed is None

    def by_type(self) -> dict[TypeName, list[Document]]:
        """Return the documents of each layer, those that have any."""
        found: dict[TypeName, list[Document]] = defaultdict(list)
        if self._changed is not None:
            for document in self._changed:
                found[document.key.typename].append(document)
        elif self.view.visible is None:
            for (typename, _), document in self.view.state.items():
                found[typename].append(document)
        else:
            visible = self.view.visible
            for key, document in self.view.state.items():
                if key in visible:
                    found[key.typename].append(document)
        return found

    def resolve(self, name: str) -> object:
        """Return the list of a layer."""
        if self._lists is None:
            groups = self.by_type()
            self._lists = {
                field: [InstanceSource(self.view, one) for one in groups.get(typename, ())]
                for typename, field in self._compiled.changes.items()
            }
        return self._lists[name]


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """The entity of a live context; ``view`` is None when its state is empty."""

    is_plain: ClassVar[bool] = True
    id: str
    cursor: str
    view: View | None
    many: bool = False

    def resolve(self, name: str) -> object:
        """Return a field of the entity."""
        if name == "state" and self.many:
            return [] if self.view is None else self._roots(self.view)
        if name == "state":
            root = None if self.view is None else self.view.document(self.view.root)
            return None if root is None or self.view is None else InstanceSource(self.view, root)
        return getattr(self, name)

    def _roots(self, view: View) -> list[InstanceSource]:
        found = (view.document(root) for root in view.roots)
        return [InstanceSource(view, document) for document in found if document is not None]


@dataclass(frozen=True, slots=True)
class QuerySource:
    """The ``query`` field of an event: only the event's own channel and arguments."""

    compiled: CompiledChannel
    arguments: Mapping[str, object]
    channel: ChannelSource

    def resolve_channel(
        self, compiled: CompiledChannel, arguments: Mapping[str, object]
    ) -> ChannelSource:
        """Return the channel of this very event.

        Raises:
            BadRequest: another channel or other arguments were asked for.
        """
        if compiled is not self.compiled or dict(arguments) != dict(self.arguments):
            raise BadRequest(
                f"`query` inside an event reads {self.compiled.names.field} with the arguments of"
                " the subscription; send anything else as an operation of its own"
            )
        return self.channel


@dataclass(frozen=True, slots=True)
class RemovedSource:
    """An instance that is no longer in the state."""

    is_plain: ClassVar[bool] = True
    key: InstanceKey
    reason: RemovalReason

    def resolve(self, name: str) -> object:
        """Return a field of RemovedInstance."""
        if name == "reason":
            return GraphQLRemovalReason[self.reason.name]
        return self.key.typename if name == "typename" else self.key.id


@dataclass(frozen=True, slots=True)
class ValuesSource:
    """A plain mapping as an object: a notification, runtime state."""

    is_plain: ClassVar[bool] = True
    values: Mapping[str, JSON]

    def resolve(self, name: str) -> object:
        """Return a value; null for what was never set."""
        return self.values.get(name)


@dataclass(frozen=True, slots=True)
class EventSource:
    """One event. ``query`` and ``channel`` are null unless given."""

    is_plain: ClassVar[bool] = True
    kind: ChannelEventKind
    cursor: str
    session: str
    changed: ChangesSource
    channel: ChannelSource | None = None
    query: QuerySource | None = None
    removed: tuple[RemovedSource, ...] = ()
    notifications: tuple[ValuesSource, ...] = ()
    client_mutation_ids: tuple[str, ...] = ()
    reset_reason: ResetReason | None = None
    runtime: ValuesSource = ValuesSource({})

    def resolve(self, name: str) -> object:
        """Return a field of the event."""
        return getattr(self, name)
