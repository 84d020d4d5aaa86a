"""A sign in every generation that its documents are there, and have been since it was heated.

A store that lost documents and kept records would be read as if they had been deleted. So each
generation has one document more, which no batch writes again and every reading includes, for its
version is above all others. A batch that reads nothing, for its process knows all of it, asks for
the sign as it writes. Without it everything that is read or written is worth nothing, and the
anchor is heated anew.
"""

from __future__ import annotations

from rxgraph.types import AnchorKey, Document, InstanceKey

ALWAYS = 2**62
"""A version that is newer than whatever a reader knows."""

SIGN_KEY = InstanceKey("!", "here")
SIGN = Document(SIGN_KEY, ALWAYS, links=(SIGN_KEY,))  # so that it is found as a parent, too


class Lost(Exception):
    """The store has lost documents of a generation whose record it still has."""

    def __init__(self, key: AnchorKey, generation: int) -> None:
        super().__init__(f"{key} has lost its documents; it has to be heated anew")
        self.key, self.generation = key, generation
