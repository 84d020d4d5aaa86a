"""Rows of the database as the layers of a state render them."""

from rxgraph.cache.rows.database import Database
from rxgraph.cache.rows.keys import normal_id, parse_pk
from rxgraph.cache.rows.locating import locate
from rxgraph.cache.rows.snapshot import Snapshot

__all__ = ["Database", "Snapshot", "locate", "normal_id", "parse_pk"]
