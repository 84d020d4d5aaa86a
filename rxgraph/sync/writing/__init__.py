"""Writes of clients: every check, one transaction."""

from rxgraph.sync.writing.authority import authorise_declared
from rxgraph.sync.writing.outcome import Message, MessageKind, Outcome, Written
from rxgraph.sync.writing.repeats import forget_mutations
from rxgraph.sync.writing.writer import write

__all__ = [
    "Message",
    "MessageKind",
    "Outcome",
    "Written",
    "authorise_declared",
    "forget_mutations",
    "write",
]
