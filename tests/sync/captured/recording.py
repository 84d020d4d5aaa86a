"""What the capture tests see of a commit, and what they track."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import models

from rxgraph.sync import intents
from rxgraph.sync.touches import Committed
from rxgraph.sync.tracking import Tracking
from rxgraph.types import RowKey
from tests.sync.captured.models import (
    Badge,
    Board,
    Card,
    Label,
    Membership,
    Owner,
    Remark,
    Team,
)

BY_ORM = pytest.mark.skipif(
    settings.RXGRAPH.get("CAPTURE") == "triggers",
    reason="triggers write an intent for each statement, where and when it is done",
)

LABELS = Card.labels.through
RELATED = Card.related.through
ALL = Tracking.of_models(
    [Board, Card, Label, Owner, Remark, Team],
    ends=[
        (LABELS, "card_id"),
        (LABELS, "label_id"),
        (RELATED, "from_card_id"),
        (RELATED, "to_card_id"),
        (Membership, "team_id"),
        (Membership, "owner_id"),
        (Badge, "team_id"),
        (Badge, "owner_id"),
    ],
    columns=[(Card, "board_id"), (Remark, "card_id")],
)


def key(instance: models.Model) -> RowKey:
    """Return the key of a row, by its concrete model."""
    concrete = type(instance)._meta.concrete_model
    assert concrete is not None
    return RowKey(concrete._meta.label_lower, str(instance.pk))


def keys(*instances: models.Model) -> set[RowKey]:
    return {key(instance) for instance in instances}


class Recorder:
    """Collects commits; calling it answers what came since the last call, and forgets it."""

    def __init__(self) -> None:
        self.commits: list[Committed] = []

    def receive(self, committed: Committed) -> None:
        self.commits.append(committed)

    def __call__(self) -> list[set[RowKey]]:
        """Return the rows of each commit."""
        return [set(committed.rows) for committed in self.take()]

    def take(self) -> list[Committed]:
        taken, self.commits = self.commits, []
        for committed in taken:
            logged = dict(intents.outstanding(committed.using))
            named = {row for intent in committed.intents for row in logged[intent]}
            assert named == committed.rows, "the intents name what was committed"
            intents.forget(committed.using, committed.intents)
        return taken
