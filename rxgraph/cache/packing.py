"""Packs: copies of a whole generation as of one batch, to be read in one go.

The documents themselves remain the truth. A pack saves reading each of them: who needs the whole
state reads the pack and then what is newer, as one who resumes from the pack's number. Rules: a
pack is named in the anchor's record only when all parts of it are written, and parts of two packs
never mix, since each has a name of its own. So one that is old costs time, and one that is half
written, or half gone, is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from rxgraph.cache import anchor as decisions
from rxgraph.cache.anchor import Pack
from rxgraph.cache.reading import Reading
from rxgraph.cache.steps import DropPack, Procedure, WritePart, chunks
from rxgraph.cache.turns import settle
from rxgraph.types import AnchorKey


@dataclass(frozen=True, slots=True)
class Packing:
    """What is packed, and how."""

    #: Documents from which on a pack is worth its request.
    from_documents: int = 500
    #: Documents read and written at once: one or two milliseconds of an event loop.
    per_part: int = 500

    def is_due(self, reading: Reading) -> bool:
        """True when who comes next would read many documents that are in no pack."""
        pack = reading.anchor.pack
        known = -1 if pack is None else pack.number
        if known >= reading.anchor.done:
            return False
        newer = sum(document.version > known for document in reading.documents.values())
        return newer >= self.from_documents and newer * _STALE >= len(reading.documents)


_STALE = 4  # a pack is written anew when that part of the documents is newer


def repack(key: AnchorKey, reading: Reading, name: str, packing: Packing) -> Procedure[bool]:
    """Write what was read as the pack *name*; False when somebody else's is as new already."""
    generation, number = reading.anchor.generation, reading.anchor.done
    parts = 0
    for part in chunks(reading.documents.values(), packing.per_part):
        yield from WritePart(key, generation, name, parts, tuple(part))
        parts += 1
    pack = Pack(name, number, parts)
    before, after = yield from settle(key, lambda a, _: decisions.repack(a, generation, pack))
    gone = pack if after is None else before.pack
    if gone is not None:
        yield from DropPack(key, generation, gone.name)
    return after is not None
