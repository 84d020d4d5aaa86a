"""Public import path of ``@consumer``."""

from rxgraph.declare.marks import consumer

__all__ = ["consumer"]
