"""Public import path of ``@related_property``."""

from rxgraph.declare.related_property import related_property

__all__ = ["related_property"]
