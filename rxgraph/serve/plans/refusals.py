"""Why a plan is not made, or not used: then graphql-core answers, whose results are the truth."""

from __future__ import annotations


class NoPlan(Exception):
    """A selection that no plan expresses; the message is one of few reasons, without names."""


class Unplanned(Exception):
    """Data that a plan cannot write: null where there is none, a value that does not coerce."""
