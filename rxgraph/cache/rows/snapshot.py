"""One consistent read of every database that holds a channel's rows.

The databases are those that the router *writes* to: a replica may lag behind the very commit whose
rows are to be read. PostgreSQL reads REPEATABLE READ, READ ONLY; SQLite in a deferred transaction,
which neither takes the write lock nor waits for it. Inside somebody else's transaction (a test that
captures ``on_commit``) that transaction is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import (
    InterfaceError,
    OperationalError,
    connections,
    models,
    router,
    transaction,
)

from rxgraph.cache.rows.moment import Moment
from rxgraph.cache.rows.plan import LayerPlan, plan_of
from rxgraph.compile.state_tree import StateTree
from rxgraph.errors import BackendError
from rxgraph.types import TypeName


@dataclass(eq=False)
class Snapshot:
    """An open read; to be used on the thread that opened it, and to be closed."""

    channel: str
    tree: StateTree
    layers: Mapping[TypeName, LayerPlan]
    aliases: tuple[str, ...]
    moment: Moment = field(default_factory=Moment)
    _connections: Mapping[str, Any] = field(default_factory=dict)
    _transactions: ExitStack = field(default_factory=ExitStack)

    def check(self) -> None:
        """Raise unless the calling thread sees the connections that this snapshot began on.

        Raises:
            BackendError: it does not, so what it read would be no snapshot.
        """
        for alias, connection in self._connections.items():
            if connections[alias] is not connection:
                raise BackendError(
                    f"the snapshot of {self.channel} was opened on another thread; "
                    "run all steps of one procedure on the same"
                )

    def close(self) -> None:
        """End the transactions; nothing is ever written in them."""
        self._transactions.close()


def open_snapshot(channel: str, tree: StateTree, beside: Snapshot | None = None) -> Snapshot:
    """Begin a read of everything that *tree* can show.

    *beside*: a snapshot that is open and is closed later. Databases that it reads are read in its
    transactions.

    Raises:
        BackendError: a database does not answer.
    """
    layers = plan_of(tree)
    aliases = aliases_of(tree)
    with ExitStack() as stack:
        for alias in aliases:
            with answering(alias):
                stack.enter_context(consistent_read(alias))
        return Snapshot(
            channel,
            tree,
            layers,
            aliases,
            beside.moment if beside is not None else Moment(),
            {alias: connections[alias] for alias in aliases},
            stack.pop_all(),
        )


def alias_of(model: type[models.Model]) -> str:
    """Return the database that rows of *model* are written to."""
    return str(router.db_for_write(model))


def aliases_of(tree: StateTree) -> tuple[str, ...]:
    """Return the databases that hold what *tree* shows, sorted."""
    return tuple(sorted({alias_of(model) for model in tree.tracked_models}))


@contextmanager
def answering(alias: str) -> Iterator[None]:
    """Ask the database *alias* something.

    Raises:
        BackendError: it does not answer.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise BackendError(f"the database {alias!r} does not answer: {error}") from error


@contextmanager
def consistent_read(alias: str) -> Iterator[None]:
    """Read *alias* as it is at one moment; what is written inside is rolled back."""
    connection = connections[alias]
    connection.ensure_connection()
    if connection.in_atomic_block or not connection.get_autocommit():
        yield
        return
    begin = _BEGIN.get(connection.vendor, _begin)
    with begin(alias):
        try:
            yield
        finally:
            # Unlike a commit, this cannot fail: a dead connection is dropped.
            transaction.set_rollback(True, using=alias)


@contextmanager
def _begin(alias: str) -> Iterator[None]:
    with transaction.atomic(using=alias):
        yield


@contextmanager
def _begin_postgresql(alias: str) -> Iterator[None]:
    with ExitStack() as stack:
        is_said = stack.enter_context(_said_in_begin(connections[alias]))
        stack.enter_context(transaction.atomic(using=alias))
        if not is_said:
            with connections[alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def _said_in_begin(connection: Any) -> Iterator[bool]:
    """Let BEGIN itself say what kind of transaction it is; False: this driver cannot do that.

    psycopg 3 can, which saves a round trip. What the connection was set to before is restored.
    """
    raw = connection.connection
    kept = [(name, getattr(raw, name, raw)) for name in ("isolation_level", "read_only")]
    if any(value is raw for _, value in kept) or not hasattr(raw, "set_isolation_level"):
        yield False
        return
    from django.db.backends.postgresql.psycopg_any import IsolationLevel, is_psycopg3

    try:
        if not is_psycopg3:
            raise NotImplementedError
        raw.isolation_level, raw.read_only = IsolationLevel.REPEATABLE_READ, True
    except Exception:  # noqa: BLE001 - what is wrong with it shows with the next statement
        yield False
        return
    try:
        yield True
    finally:
        try:
            for name, value in kept:
                setattr(raw, name, value)
        except Exception:  # noqa: BLE001 - it is no use to anybody, and must not stay as it is
            connection.close()


@contextmanager
def _begin_sqlite(alias: str) -> Iterator[None]:
    connection: Any = connections[alias]
    mode = connection.transaction_mode
    connection.transaction_mode = "DEFERRED"  # whatever the project's writers use
    try:
        atomic = transaction.atomic(using=alias)
        atomic.__enter__()
    finally:
        connection.transaction_mode = mode
    with ExitStack() as stack:
        stack.push(atomic.__exit__)
        # BEGIN alone takes no snapshot: the first read does, and this makes it now.
        connection.connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        yield


_BEGIN: Mapping[str, Callable[[str], Any]] = {
    "postgresql": _begin_postgresql,
    "sqlite": _begin_sqlite,
}
