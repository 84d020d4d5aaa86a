"""Work out which documents of one anchor must change, given the rows that did.

In: the state tree, what the cache holds, one snapshot of the database. Out: the documents to
write, tombstones included. Rule: an instance is part of the state exactly if it is the root or a
live document links to it; so a row that enters brings its subtree, and a row that leaves takes
with it what nothing else leads to. Layers have no cycles, which makes that rule decidable by
looking at direct parents only.

The roots of a list channel are those that were asked for (``sync.forest``); where roots join lists
by themselves, every row of their model that was touched is brought in too, and a *notice* written
for it: whoever lists it may have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from rxgraph.cache.signs import SIGN_KEY, Lost
from rxgraph.cache.steps import (
    FindIdleRoots,
    Peek,
    Procedure,
    ReadDependents,
    ReadDocuments,
    ReadExisting,
    ReadParents,
    ReadRows,
    ReadSince,
    Row,
)
from rxgraph.compile.state_tree import RelationKind, StateTree
from rxgraph.sync.ordering import order_fields, steady_lists
from rxgraph.types import (
    NOTICE,
    ROOT_IDLE,
    ROOT_WANTED,
    AnchorKey,
    Document,
    InstanceKey,
    RemovalReason,
    RowKey,
    roots_named,
    rows_retold,
)

Keys = frozenset[InstanceKey]
NONE: Keys = frozenset()
Lists = dict[InstanceKey, dict[str, list[str]]]
NO_LISTS: Lists = {}

MOST_JOINING = 200
"""Touched rows that a batch brings in unasked; of more, servers ask for those that they list."""


def instances_of(tree: StateTree, rows: Iterable[RowKey]) -> Keys:
    """Return the instances that render *rows*, one for each layer of their models."""
    return frozenset(
        InstanceKey(layer.typename, row.pk)
        for row in rows
        for layer in tree.by_model.get(row.model, ())
    )


@dataclass
class Reconciliation:
    """The working memory of one anchor's batch; ``run`` is the procedure."""

    tree: StateTree
    key: AnchorKey
    generation: int
    seq: int
    snapshot: object
    #: Instances to write whatever they were, so that a late predecessor cannot win.
    forced: Keys = NONE
    #: Instances to write also where nothing differs, if they are part of the state.
    retold: Keys = NONE
    #: The number that all cached documents are as of; None: some unfinished batch may have written.
    as_of: int | None = None

    rows: dict[InstanceKey, Row] = field(default_factory=dict)  # read from the database
    absent: set[InstanceKey] = field(default_factory=set)  # asked for and not there
    cached: dict[InstanceKey, Document | None] = field(default_factory=dict)
    inside: dict[InstanceKey, Row] = field(default_factory=dict)  # refreshed and part of the state
    removed: set[InstanceKey] = field(default_factory=set)
    rewritten: dict[InstanceKey, Document] = field(default_factory=dict)  # same value, new number
    entered: dict[InstanceKey, Row] = field(default_factory=dict)  # not cached before
    joining: set[InstanceKey] = field(default_factory=set)  # roots to bring in
    noticed: set[InstanceKey] = field(default_factory=set)  # touched roots to tell of
    is_signed: bool = False  # the store has shown that what is cached is there

    def run(self, changed: frozenset[RowKey]) -> Procedure[tuple[Document, ...]]:
        """Return the documents to write for *changed* rows.

        Raises:
            Lost: the store has lost those that are cached.
        """
        own = instances_of(self.tree, changed)
        dropping = NONE
        if self.tree.many:
            own |= self._requested(ROOT_WANTED, changed)
            dropping = yield from self._idle(changed)
        dependents = yield from ReadDependents(self.snapshot, changed)
        touched = own | dependents | self.forced
        whole = self.retold | instances_of(self.tree, rows_retold(changed))
        lists = yield from self._unmoved_lists(touched - whole, own)
        yield from self._read_rows(touched, lists)
        named = {parent for key in touched if key in self.rows for parent in self.rows[key].parents}
        yield from self._read_cached(touched | named)
        if self.tree.auto_update:
            self._join(instances_of(self.tree, changed))

        linking = yield from self._linking_parents(own | self.forced)
        yield from self._read_rows(self._stale_parents(touched, linking))
        for key in self.rows:
            if self._was_live(key) or self._is_root(key) or self._is_linked(key, linking):
                self.inside[key] = self.rows[key]
        if self._root in self.absent:
            yield from self._remove_everything()
        else:
            yield from self._enter()
            yield from self._leave({key for key in self.absent if self._was_live(key)} | dropping)
        if self.tree.has_private_layers:
            yield from self._follow_owners()
        return (yield from self._documents())

    def concerns(self, rows: Iterable[RowKey]) -> bool:
        """True, after ``run``, when any of *rows* is or was part of this anchor's state."""
        return any(
            key in self.inside or self._was_live(key) for key in instances_of(self.tree, rows)
        )

    @property
    def _root(self) -> InstanceKey:
        return InstanceKey(self.tree.root.typename, self.key.anchor_id)

    def _is_root(self, key: InstanceKey) -> bool:
        return key in self.joining if self.tree.many else key == self._root

    # -- the roots of a list channel

    def _requested(self, model: str, changed: frozenset[RowKey]) -> Keys:
        ids = roots_named(model, self.key.channel, changed)
        keys = frozenset(InstanceKey(self.tree.root.typename, id_) for id_ in ids)
        if model == ROOT_WANTED:
            self.joining |= keys
        return keys

    def _idle(self, changed: frozenset[RowKey]) -> Procedure[Keys]:
        """Return the roots to drop: asked for when nobody claimed them, and still unclaimed."""
        idle = self._requested(ROOT_IDLE, changed) - self.joining
        if not idle:
            return NONE
        found = yield from FindIdleRoots(self.key.channel, frozenset(key.id for key in idle))
        return frozenset(key for key in idle if key.id in found)

    def _join(self, touched: Keys) -> None:
        """Bring in the rows that were touched, unless they are many, and tell of all of them."""
        roots = {k for k in touched if k.typename == self.tree.root.typename and k in self.rows}
        fresh = {key for key in roots if not self._was_live(key)} - self.joining
        if len(fresh) <= MOST_JOINING:
            self.joining |= fresh
        self.noticed |= {InstanceKey(NOTICE, key.id) for key in roots}

    # -- reading, each thing once

    def _read_rows(self, wanted: Iterable[InstanceKey], lists: Lists = NO_LISTS) -> Procedure[None]:
        missing = frozenset(k for k in wanted if k not in self.rows and k not in self.absent)
        if missing:
            found = yield from ReadRows(self.snapshot, missing, lists)
            self.rows.update(found)
            self.absent |= missing - found.keys()

    def _read_cached(self, wanted: Iterable[InstanceKey]) -> Procedure[None]:
        missing = frozenset(key for key in wanted if key not in self.cached)
        if missing and not (yield from self._peek(missing)):
            found = yield from ReadDocuments(self.key, self.generation, missing | {SIGN_KEY})
            self._require_sign(found)
            self.cached.update({key: found.get(key) for key in missing})

    def _require_sign(self, found: dict[InstanceKey, Document]) -> None:
        """Take the sign from *found*: the rest is worth something.

        Raises:
            Lost: it is not there.
        """
        if found.pop(SIGN_KEY, None) is None:
            raise Lost(self.key, self.generation)
        self.is_signed = True

    def _peek(self, wanted: Keys) -> Procedure[bool]:
        """Read from what this process holds; False: nothing that is as of the right number."""
        if self.as_of is None:
            return False
        found = yield from Peek(self.key, self.generation, self.as_of, wanted)
        if found is None:
            return False
        self.cached.update({key: found.get(key) for key in wanted})
        return True

    def _unmoved_lists(self, touched: Keys, own: Keys) -> Procedure[Lists]:
        """Return lists of *touched* that are as they were, since no row of theirs is in *own*."""
        if not touched or not (yield from self._peek(touched)):
            return NO_LISTS
        changed = {key.typename for key in own}
        found: Lists = {}
        for key in touched:
            document = self.cached.get(key)
            if document is not None and document.is_live:
                found[key] = {
                    relation.name: document.data[relation.name]
                    for relation in steady_lists(self.tree, key.typename)
                    if relation.target not in changed and relation.name in document.data
                }
        return found

    def _was_live(self, key: InstanceKey) -> bool:
        document = self.cached.get(key)
        return document is not None and document.is_live

    def _old_links(self, key: InstanceKey) -> tuple[InstanceKey, ...]:
        document = self.cached.get(key)
        return document.links if document is not None and document.is_live else ()

    def _cached_parents(self, children: Iterable[InstanceKey]) -> Procedure[set[InstanceKey]]:
        wanted = frozenset(children)
        if not wanted:
            return set()
        found = yield from ReadParents(self.key, self.generation, wanted | {SIGN_KEY})
        self._require_sign(found)
        self.cached.update(found)
        return set(found)

    # -- who must be read again because a child changed

    def _linking_parents(self, own: Keys) -> Procedure[set[InstanceKey]]:
        """Read the documents that link to changed rows, where their lists may be out of date."""
        return (yield from self._cached_parents(k for k in own if self._may_have_moved(k)))

    def _may_have_moved(self, key: InstanceKey) -> bool:
        row = self.rows.get(key)
        if row is None or not self._was_live(key):
            return True
        if self.as_of is None:  # the new parent may list it already, and the old one still
            return True
        relations = [relation for _, relation in self.tree.parents[key.typename]]
        if any(relation.kind is RelationKind.PROPERTY for relation in relations):
            return True
        reverse = [r for r in relations if r.kind is RelationKind.REVERSE]
        if len(row.parents) != len(reverse):
            return True
        if any(key not in self._old_links(parent) for parent in row.parents):
            return True
        document = self.cached[key]
        assert document is not None
        lists = [r for r in relations if r.many]
        return any(_order_changed(self.tree, r.target, document, row) for r in lists[:1])

    def _stale_parents(self, touched: Keys, linking: set[InstanceKey]) -> set[InstanceKey]:
        stale = set(linking)
        for key in touched:
            if key in self.rows:
                stale |= {
                    parent
                    for parent in self.rows[key].parents
                    if self._was_live(parent) and key not in self._old_links(parent)
                }
        return stale

    def _is_linked(self, key: InstanceKey, linking: set[InstanceKey]) -> bool:
        """True for a row that its parents list already, though it could not be rendered before."""
        return any(
            key in self.rows[parent].links
            for parent in linking
            if parent in self.rows and self._was_live(parent)
        )

    # -- entering and leaving

    def _enter(self) -> Procedure[None]:
        """Bring in what refreshed documents newly link to, with everything below it."""
        # What may be reached through a private layer may have been hidden from somebody who sees
        # it from now on: it is written again, so that it is told.
        tainted = self.tree.tainted
        frontier = {
            child
            for key, row in self.inside.items()
            for child in row.links
            if child not in self._old_links(key) and child not in self.inside
        }
        while frontier:
            yield from self._read_cached(frontier)
            coming = {k for k in frontier if k.typename in tainted or not self._was_live(k)}
            yield from self._read_rows(coming)
            arrived = {key: self.rows[key] for key in coming if key in self.rows}
            self.inside.update(arrived)
            self.forced |= {key for key in arrived if key.typename in tainted}
            frontier = {
                child for row in arrived.values() for child in row.links if child not in self.inside
            }

    def _leave(self, gone: set[InstanceKey]) -> Procedure[None]:
        """Remove *gone*, then, parents before children, what nothing leads to any more."""
        lost = set(gone)
        for key, row in self.inside.items():
            lost |= set(self._old_links(key)) - set(row.links)
        held = {child for row in self.inside.values() for child in row.links}
        for typename in self.tree.layers:
            candidates = {key for key in lost if key.typename == typename} - self.removed
            candidates.discard(self._root)
            if not candidates:
                continue
            yield from self._read_cached(candidates)
            candidates = {k for k in candidates if k in self.inside or self._was_live(k)}
            unsure = candidates - gone - held
            parents = yield from self._cached_parents(unsure)
            kept = {
                child
                for parent in parents
                if parent not in self.removed and parent not in self.inside
                for child in self._old_links(parent)
            }
            leaving = (candidates & gone) | (unsure - kept)
            self.removed |= {key for key in leaving if self._was_live(key)}
            for key in leaving:
                lost |= set(self._old_links(key))
                if key in self.inside:
                    lost |= set(self.inside.pop(key).links)
            if leaving:
                held = {child for row in self.inside.values() for child in row.links}

    def _remove_everything(self) -> Procedure[None]:
        found = {d.key: d for d in (yield from ReadSince(self.key, self.generation, 0))}
        self._require_sign(found)
        self.cached.update(found)
        self.inside.clear()
        self.removed |= {key for key, document in found.items() if document.is_live}

    # -- private layers: a new owner must get the subtree, the parents' lists change for both

    def _follow_owners(self) -> Procedure[None]:
        moved = {
            key
            for key, row in self.inside.items()
            if self._was_live(key) and (d := self.cached[key]) is not None and d.owner != row.owner
        }
        parents = yield from self._cached_parents(moved)
        self._rewrite(key for key in parents if key not in self.removed)
        frontier = {child for key in moved for child in self.inside[key].links}
        while frontier:
            yield from self._read_cached(frontier)
            live = {k for k in frontier if k in self.inside or self._was_live(k)} - self.removed
            self._rewrite(live)
            frontier = {
                child
                for key in live
                for child in (
                    self.inside[key].links if key in self.inside else self._old_links(key)
                )
            }

    def _rewrite(self, keys: Iterable[InstanceKey]) -> None:
        for key in keys:
            if key in self.inside:
                self.forced |= {key}
            elif (document := self.cached.get(key)) is not None and document.is_live:
                self.rewritten[key] = replace(document, version=self.seq)

    # -- the answer

    def _documents(self) -> Procedure[tuple[Document, ...]]:
        written: dict[InstanceKey, Document] = dict(self.rewritten)
        self.entered = {k: row for k, row in self.inside.items() if not self._was_live(k)}
        for key, row in self.inside.items():
            old = self.cached.get(key)
            new = _document(row, self.seq, old)
            is_told = key in self.forced or key in self.retold
            if is_told or old is None or replace(new, version=old.version) != old:
                written[key] = new
        unknown = frozenset(self.removed - self.rows.keys())
        existing = (yield from ReadExisting(self.snapshot, unknown)) if unknown else NONE
        for key in self.removed:
            is_deleted = key in unknown and key not in existing
            reason = RemovalReason.DELETED if is_deleted else RemovalReason.LEFT
            written[key] = _tombstone(key, self.seq, self.cached.get(key), reason)
        for key in self.noticed:
            written[key] = _tombstone(key, self.seq, None, RemovalReason.NEVER)
        for key in self.forced - written.keys():
            old = self.cached.get(key)
            reason = (old.removed if old is not None else None) or RemovalReason.NEVER
            written[key] = _tombstone(key, self.seq, old, reason)
        return tuple(written.values())


def _order_changed(tree: StateTree, typename: str, old: Document, new: Row) -> bool:
    fields = order_fields(tree.layers[typename])
    return fields is None or any(old.data.get(name) != new.data.get(name) for name in fields)


def _document(row: Row, seq: int, old: Document | None) -> Document:
    former: tuple[str, ...] = ()
    if old is not None:
        former = old.former_owners
        if old.owner is not None and old.owner != row.owner and old.owner not in former:
            former = (*former, old.owner)
    return Document(
        key=row.key,
        version=seq,
        data=row.data,
        links=row.links,
        owner=row.owner,
        former_owners=former,
    )


def _tombstone(key: InstanceKey, seq: int, old: Document | None, reason: RemovalReason) -> Document:
    owner = old.owner if old is not None else None
    former = old.former_owners if old is not None else ()
    return Document(key=key, version=seq, owner=owner, former_owners=former, removed=reason)
