"""Public import path of the operations that ``Meta.writable`` grants."""

from rxgraph.declare.operations import CREATE, DELETE, SAVE, Operation

__all__ = ["CREATE", "DELETE", "SAVE", "Operation"]
