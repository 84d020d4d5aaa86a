"""Compose the schema of every channel that the project's installed apps declare.

Needs Django to be set up. The text is committed as ``schema/schema.graphql``; a test keeps it true.
"""

from __future__ import annotations

from pathlib import Path

import strawberry

from rxgraph.compile.service import contract
from rxgraph.compile.service import sdl as compiled_sdl

COMMITTED = Path(__file__).with_name("schema.graphql")


def schema() -> strawberry.Schema:
    """Return the composed schema, for validation and introspection."""
    return contract()


def sdl() -> str:
    """Return its SDL, sorted."""
    return compiled_sdl()
