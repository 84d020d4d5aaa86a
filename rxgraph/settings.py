"""The one door to ``settings.RXGRAPH``: defaults, units, one line of prose per field."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed


@dataclass(frozen=True)
class RxGraphSettings:
    """What a project can set in ``RXGRAPH = {...}``; names are the same in upper case."""

    #: Where live state is kept: ``memory://`` (one process) or ``mongodb://host/database``.
    store: str = "memory://"
    #: Driver of the event loop's side of the MongoDB store: ``motor`` or ``pymongo``.
    mongo_driver: str = "motor"
    #: Write an intent row with every change, so that a crash loses nothing. Off: faster, weaker.
    outbox: bool = True
    #: What sees changes: ``orm``, or ``triggers`` of PostgreSQL, which see everybody's.
    capture: str = "orm"
    #: Let processes without subscribers (workers, shells, WSGI) leave the merging of their changes
    #: to a server that shows them: their saves get cheaper, and arrive a moment later.
    hand_over: bool = True
    #: Seconds between two sweeps of left-over intents; None: 0.5 with the memory store, else 2;
    #: 0: servers do not sweep, ``manage.py rxgraph_sweep --watch`` does.
    sweep_seconds: float | None = None
    #: Seconds an intent must be old before a sweeper takes it over from its writer.
    sweep_grace_seconds: float = 2.0
    #: Seconds for which an intent that cannot be done is tried again; then it is quarantined.
    intent_retry_seconds: float = 3600.0
    #: Seconds that an intent stays in quarantine before it is deleted.
    quarantine_seconds: float = 30 * 24 * 3600.0
    #: Seconds a cache stays after its last viewer left.
    cache_ttl: int = 7 * 24 * 3600
    #: Seconds for which a cursor can be resumed.
    cursor_ttl: int = 24 * 3600
    #: Seconds the lease on an anchor lasts; a holder that is silent for longer is replaced.
    lease_seconds: float = 10.0
    #: Seconds between two looks at the sequence numbers, for wake-ups that were lost.
    poll_seconds: float = 2.0
    #: Seconds a server keeps in memory what nobody watches any more, in case somebody comes back;
    #: never longer than the channel's ``cache_ttl``.
    linger_seconds: float = 60.0
    #: Megabytes that the live state in one server process may take before what nobody watches any
    #: more is dropped, the longest unused first. What is watched is never dropped.
    replica_memory_mb: int = 256
    #: Seconds a store may take to answer before the change is left to the sweeper.
    store_timeout_seconds: float = 5.0
    #: Seconds between two checks of the credentials and permission of a live subscription.
    reauth_seconds: float = 60.0
    #: Events that may wait for one slow subscription before it gets RESET(OVERFLOW).
    queue_events: int = 1000
    #: Bytes that may wait on one connection for its client to read, beside the one frame that is
    #: being sent; a connection with more is closed (1013).
    queue_bytes: int = 16 * 1024 * 1024
    #: Seconds without a word after which a client is asked whether it is there; one that does not
    #: answer for as long again is let go. One that reads nothing is given twice as long. 0: never.
    ping_seconds: float = 30.0
    #: Seconds over which a server that is told to end closes its connections, so that their clients
    #: do not all come back at once; writes and actions that run then may take as long again.
    drain_seconds: float = 5.0
    #: Let a server collect garbage more seldom, what is there at its start never again, and switch
    #: between threads every millisecond: nobody waits for either.
    tune_interpreter: bool = True
    #: Seconds within which a mutation with the same ``clientMutationId`` is a repeat.
    mutation_window: float = 3600
    #: Seconds that an action of a live context may run.
    action_seconds: float = 30.0
    #: Answer from compiled plans; off, graphql-core executes every field, with the same results.
    plans: bool = True
    #: Megabytes of JSON text that the plans of one process keep for later.
    plan_memory_mb: int = 64
    #: Origins that browsers may connect from, besides the host itself: exact ones, or all below a
    #: host (``https://*.example.com``); ``"*"`` allows any, but their cookies do not count.
    allowed_origins: tuple[str, ...] = ()
    #: Answer queries over GET, too; mutations and subscriptions never are.
    queries_over_get: bool = False
    #: Dotted path of ``async def authenticate(credentials)``, which answers a user, or
    #: ``(user, until)`` with Unix seconds, or None; not set: DRF token or Django session.
    authenticate: str | None = None
    #: Serve GraphiQL and introspection; None: only when ``DEBUG`` is on.
    explore: bool | None = None
    #: Path that answers whether the event loop lives; None: it is not served.
    health_path: str | None = "/healthz"
    #: Path that answers whether clients can be served; None: it is not served.
    ready_path: str | None = "/readyz"
    #: Path of the Prometheus metrics, served to who shows ``METRICS_TOKEN``.
    metrics_path: str = "/metrics"
    #: Bearer token for the metrics; None: they are not served.
    metrics_token: str | None = None
    #: Make OpenTelemetry spans, from the commit to the sockets.
    tracing: bool = False
    #: Folder that ``makefrontend`` writes ``schema.graphql`` and ``operations/`` into; relative
    #: paths begin at ``BASE_DIR``.
    schema_dir: str | os.PathLike[str] = "schema"
    #: Folder of the front end, in which ``makefrontend`` runs GraphQL Code Generator.
    frontend_dir: str | os.PathLike[str] = "frontend"

    #: ``"open"``: any document is served; ``"trusted"``: only those in ``document_lists``.
    documents: str = "open"
    #: Files with trusted documents, as ``makefrontend``, GraphQL Code Generator or Apollo's tools
    #: write them; relative paths begin at ``BASE_DIR``. None: ``documents.json`` in ``schema_dir``.
    document_lists: tuple[str | os.PathLike[str], ...] | None = None
    # -- limits: what one client may ask for (docs/limits.md). None turns one off.

    #: Bytes of one GraphQL document.
    document_bytes: int | None = 64 * 1024
    #: Tokens of one document: names, values and punctuation.
    document_tokens: int | None = 4000
    #: Levels of nested selections, fragments followed.
    operation_depth: int | None = 24
    #: Aliases in one document, each counted wherever its fragment is used.
    operation_aliases: int | None = 60
    #: Fields that one answer may have, as far as the sizes of lists are known.
    operation_cost: int | None = 2_000_000
    #: Items that a list is taken to have while its size is not known.
    operation_cost_list: int = 10
    #: Bytes of one WebSocket message, and of the body of a request.
    message_bytes: int | None = 2 * 1024 * 1024
    #: Operations that may be in flight on one connection.
    operations_per_connection: int = 100
    #: Connections of one user to one process.
    connections_per_user: int | None = 100
    #: Connections of one address to one process.
    connections_per_address: int | None = 1000
    #: Proxies in front of the server that add to ``X-Forwarded-For``; 0: the peer is the client.
    trusted_proxies: int = 0
    #: Operations a second that one user may begin over time, in all processes together.
    operations_per_second: float | None = 20.0
    #: Operations that he may begin at once after a quiet time.
    operations_burst: int = 300
    #: Bytes a second of documents that the server has not met, of one user over time.
    new_documents_per_second: float | None = 8192.0
    #: Bytes of such documents that he may send at once after a quiet time.
    new_documents_burst: int = 128 * 1024
    #: Mutations and actions a second that one user may ask for over time.
    mutations_per_second: float | None = 10.0
    #: Mutations and actions that he may ask for at once after a quiet time.
    mutations_burst: int = 200
    #: Anchors that ``list_instances`` may answer for one list.
    list_anchors: int | None = 10_000
    #: Instances of one first state.
    snapshot_instances: int | None = 100_000
    #: Bytes that the instances of one first state take, about.
    snapshot_bytes: int | None = 64 * 1024 * 1024
    #: Seconds a client has for ``connection_init``.
    init_timeout_seconds: float = 10.0
    #: Seconds that a connection may be without any operation.
    idle_timeout_seconds: float | None = 300.0
    #: Bytes that the input of one mutation may have, and the answer of an action, as JSON.
    mutation_bytes: int = 1024 * 1024
    #: Operations in one batch mutation.
    mutation_operations: int | None = 500

    @property
    def is_memory(self) -> bool:
        """True when live state is kept inside this process."""
        return self.store.startswith("memory:")

    @property
    def document_paths(self) -> tuple[Path, ...]:
        """Where the lists of trusted documents are."""
        base = Path(getattr(django_settings, "BASE_DIR", None) or Path.cwd())
        if self.document_lists is None:
            return (base / self.schema_dir / "documents.json",)
        return tuple(base / path for path in self.document_lists)

    @property
    def sweep_interval_seconds(self) -> float:
        """Seconds between two sweeps, the default filled in."""
        if self.sweep_seconds is not None:
            return self.sweep_seconds
        return 0.5 if self.is_memory else 2.0


def parse(value: Mapping[str, Any]) -> RxGraphSettings:
    """Return the settings that ``RXGRAPH = value`` means; unknown names are left to the checks."""
    names = {field.name for field in fields(RxGraphSettings)}
    known = {key.lower(): item for key, item in value.items() if key.lower() in names}
    if "allowed_origins" in known:
        known["allowed_origins"] = tuple(known["allowed_origins"])
    if known.get("document_lists") is not None:
        known["document_lists"] = tuple(known["document_lists"])
    return RxGraphSettings(**known)


def unknown_names(value: Mapping[str, Any]) -> list[str]:
    """Return the names in ``RXGRAPH`` that mean nothing here."""
    names = {field.name.upper() for field in fields(RxGraphSettings)}
    return sorted(set(value) - names)


@cache
def get_settings() -> RxGraphSettings:
    """Return the current settings; ``override_settings`` is followed."""
    return parse(getattr(django_settings, "RXGRAPH", {}))


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "RXGRAPH":
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="rxgraph.settings")
