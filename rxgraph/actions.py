"""Public import path of ``@action``."""

from rxgraph.declare.marks import action

__all__ = ["action"]
