"""Answer a repeated mutation with what the first one did.

The row that claims a client mutation id is written first and in the same transaction as the
write: a second one waits for it on the unique constraint, and a write that failed leaves none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, OperationalError, ProgrammingError, transaction
from django.utils import timezone

from rxgraph.errors import BackendError
from rxgraph.models import Mutation
from rxgraph.sync.writing.outcome import Outcome, Written, error, from_json, to_json

ID_LENGTH = 200
_ATTEMPTS = 3


class Claim:
    """One client mutation id of one user, claimed for the transaction that is open."""

    def __init__(self, using: str, user_id: str, client_mutation_id: str) -> None:
        self.using = using
        self._rows = Mutation.objects.using(using).filter(
            user=user_id, client_mutation_id=client_mutation_id
        )
        self._names = {"user": user_id, "client_mutation_id": client_mutation_id}

    def take(self, content: bytes, window_seconds: float) -> Outcome | None:
        """Return the first outcome where this is a repeat, else None: the id is ours now.

        Raises:
            Refused: the id was used for something else.
            BackendError: the database has no table for that.
        """
        fingerprint = hashlib.sha256(content).hexdigest()
        for _ in range(_ATTEMPTS):
            found = self._read()
            if found is None:
                if self._insert(fingerprint):
                    return None
                continue
            oldest = timezone.now() - timedelta(seconds=window_seconds)
            if found.created_at > oldest:
                if found.fingerprint != fingerprint:
                    break
                return Outcome(from_json(json.loads(found.outcome)), is_repeat=True)
            held = self._rows.select_for_update().first()
            if held is not None and held.created_at <= oldest:
                self._rows.update(fingerprint=fingerprint, outcome="[]", created_at=timezone.now())
                return None
        raise error("CONFLICT", "This clientMutationId was used for another write")

    def keep(self, results: Iterable[Written]) -> None:
        """Note what was written, for repeats."""
        self._rows.update(outcome=json.dumps(to_json(results)))

    def _read(self) -> Mutation | None:
        try:
            return self._rows.first()
        except (ProgrammingError, OperationalError) as cause:
            if Mutation._meta.db_table not in str(cause):
                raise
            raise BackendError(_missing(self.using)) from cause

    def _insert(self, fingerprint: str) -> bool:
        try:
            with transaction.atomic(using=self.using):
                Mutation.objects.using(self.using).create(
                    fingerprint=fingerprint, outcome="[]", **self._names
                )
        except IntegrityError:
            return False
        return True


def forget_mutations(using: str, older_than_seconds: float) -> int:
    """Delete what was kept for repeats at least that long ago; answer how many rows that were."""
    latest = timezone.now() - timedelta(seconds=older_than_seconds)
    rows = Mutation.objects.using(using).filter(created_at__lte=latest)
    return rows.delete()[0]


def _missing(using: str) -> str:
    return (
        f"the database {using!r} has no table {Mutation._meta.db_table}, so that a repeated"
        f" mutation could not be told; run `manage.py migrate rxgraph --database {using}`"
    )
