"""Public import path of ``ContextChannel``."""

from rxgraph.declare.channel import ContextChannel

__all__ = ["ContextChannel"]
