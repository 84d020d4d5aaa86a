"""Public import path of ``@action``, and of the type of integers beyond 32 bits."""

from rxgraph.compile.scalars import BigInt
from rxgraph.declare.marks import action

__all__ = ["BigInt", "action"]
