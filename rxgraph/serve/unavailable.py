"""What is away, as this process sees it: errors that will pass, and what was logged of them.

A database that does not answer shows in many places at once: hooks, mutations, checks of who may
watch, the sweeper. All of them come here, so that the log has two lines of an outage.
"""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError

from rxgraph.errors import BackendAway, BackendError
from rxgraph.outage import Outage

_database = Outage("the database", logger=logging.getLogger("rxgraph.outages"))


def is_passing(error: BaseException | None) -> bool:
    """True for an error that a store or a database ends by coming back."""
    return isinstance(error, (BackendError, OperationalError, InterfaceError))


def is_logged(error: BaseException | None) -> bool:
    """True where the log has said it already; a database's outage is logged here and now."""
    return isinstance(error, BackendAway) or note_database(error)


def note_database(error: BaseException | None) -> bool:
    """Note that *error* is of a database that does not answer; False: it is none of those."""
    found = error
    while isinstance(found, BackendError):
        found = found.__cause__
    if not isinstance(found, (OperationalError, InterfaceError)):
        return False
    _database.failed(found)
    return True


def database_answers() -> None:
    """Note that a database has answered."""
    _database.over()
