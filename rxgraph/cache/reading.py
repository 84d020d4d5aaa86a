"""Read an anchor's documents as of one finished batch, never half of one.

Note ``done``, read, and while anything read is newer than what was noted, note again and read what
changed since: the result is the state as of one ``done``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rxgraph.cache.anchor import Anchor
from rxgraph.cache.phases import Phase
from rxgraph.cache.signs import ALWAYS, SIGN_KEY, Lost
from rxgraph.cache.steps import (
    LoadAnchor,
    LoadAnchors,
    Procedure,
    ReadPack,
    ReadSeveral,
    ReadSince,
    Sleep,
)
from rxgraph.types import AnchorKey, Document, InstanceKey

_PAUSE_SECONDS = 0.01
_PATIENCE = 40  # pauses before somebody should look after the unfinished batch


@dataclass(frozen=True, slots=True)
class Reading:
    """Documents written after ``since`` (0: all), tombstones included, as of ``anchor.done``."""

    anchor: Anchor
    since: int
    documents: dict[InstanceKey, Document]


class Unfinished(Exception):
    """A batch was begun and does not end: its writer may be dead."""


def read_documents(
    key: AnchorKey, *, generation: int | None = None, since: int = 0
) -> Procedure[Reading | Anchor]:
    """Return what changed after *since*, or the record when there is nothing to read from.

    The record is answered when the anchor is not HOT, or another *generation* than asked for.

    Raises:
        Unfinished: a batch stays unfinished; rescue the anchor, then read again.
        Lost: documents are missing; forget the anchor, then heat it.
    """
    anchor = yield from LoadAnchor(key)
    wanted = anchor.generation if generation is None else generation
    found: dict[InstanceKey, Document] = {}
    low, newest = since, 0
    is_new = since <= 0  # to whom a pack is of use
    for _ in range(_PATIENCE):
        if anchor.phase is not Phase.HOT or anchor.generation != wanted:
            return anchor
        noted = anchor
        if is_new and anchor.pack is not None:
            # As one who resumes from its number: what is newer is read as ever.
            packed = yield from ReadPack(key, wanted, anchor.pack)
            if packed is not None:
                found = {document.key: document for document in packed}
                low = anchor.pack.number
        is_new = is_signed = False
        for document in (yield from ReadSince(key, wanted, low)):
            if document.key == SIGN_KEY:
                is_signed = True
                continue
            found[document.key] = document
            newest = max(newest, document.version)
        # A cooling may have dropped documents while they were read: only a record that is still
        # HOT in this generation vouches for them.
        if newest <= noted.done:
            anchor = yield from LoadAnchor(key)
            if anchor.phase is not Phase.HOT or anchor.generation != wanted:
                return anchor
            if not is_signed:
                raise Lost(key, wanted)
            return Reading(noted, since, found)
        low = max(low, noted.done)
        newest = 0
        anchor = yield from LoadAnchor(key)
        if anchor.done == noted.done:
            yield from Sleep(_PAUSE_SECONDS)
    raise Unfinished(f"{key} has been at {anchor.done} of {anchor.seq} for too long")


def read_several(
    places: Mapping[AnchorKey, tuple[int | None, int]],
) -> Procedure[dict[AnchorKey, Reading | Anchor]]:
    """Return what ``read_documents`` does for several anchors, in few requests.

    *places* holds of each the generation and the number since when. Those that are being written
    to at this moment, or have lost documents, are missing in the answer: read them alone.
    """
    noted = yield from LoadAnchors(frozenset(places))
    answers: dict[AnchorKey, Reading | Anchor] = {}
    wanted: dict[AnchorKey, tuple[int, int]] = {}
    for key, (generation, since) in places.items():
        anchor = noted[key]
        if anchor.phase is Phase.HOT and generation in (None, anchor.generation):
            wanted[key] = anchor.generation, since
        else:
            answers[key] = anchor
    if not wanted:
        return answers
    found = yield from ReadSeveral(wanted)
    after = yield from LoadAnchors(frozenset(wanted))  # see read_documents
    for key, (generation, since) in wanted.items():
        if after[key].phase is not Phase.HOT or after[key].generation != generation:
            answers[key] = after[key]
            continue
        documents = {document.key: document for document in found[key]}
        is_signed = documents.pop(SIGN_KEY, None) is not None
        if is_signed and all(d.version <= noted[key].done for d in documents.values()):
            answers[key] = Reading(noted[key], since, documents)
    return answers


def find_unsigned(generations: Mapping[AnchorKey, int]) -> Procedure[frozenset[AnchorKey]]:
    """Return which anchors have no sign that the documents of their *generations* are there."""
    found = yield from ReadSeveral({key: (g, ALWAYS - 1) for key, g in generations.items()})
    return frozenset(key for key in generations if not found.get(key))
