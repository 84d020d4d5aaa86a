from __future__ import annotations

import pytest

from rxgraph.sync import capture, intents, tracking
from tests.sync.captured.models import Board, Card

pytestmark = pytest.mark.django_db(transaction=True)


def test_save():
    got = []
    capture.install()
    capture.on_commit(got.append)
    with tracking.use(tracking.Tracking.of_models([Board, Card], columns=[(Card, "board_id")])):
        b = Board.objects.create(name="a")
        c = Card.objects.create(board=b, title="x")
        Card.objects.update(title="y")
        Card.objects.all().delete()
        print(got, intents.outstanding("default"))
