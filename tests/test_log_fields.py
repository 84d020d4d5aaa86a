"""What log records say beside their message, and what they never say."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.channels import ProjectChannel
from channels_app.models import Project
from rxgraph.log_fields import FIELDS, about, begin_operation
from rxgraph.serve.errors import to_graphql_error
from rxgraph.types import AnchorKey
from tests.serve.live import in_database, staged

KEY = AnchorKey("board.ProjectChannel", "7")


def test_fields_are_none_of_pythons_own() -> None:
    record = logging.makeLogRecord({})
    assert not set(FIELDS) & {*vars(record), "message", "asctime"}
    logging.getLogger("rxgraph.tests").info("fine", extra=dict.fromkeys(FIELDS, "x"))


def test_what_is_not_known_is_left_out() -> None:
    assert about() == {}
    assert about(KEY, session=None, position=3) == {
        "channel": "board.ProjectChannel",
        "anchor": "7",
        "position": 3,
    }
    with pytest.raises(TypeError, match="password"):
        about(KEY, password="secret")


async def test_an_operation_names_itself_in_its_own_task_alone() -> None:
    async def work(id_: str) -> dict[str, object]:
        begin_operation(id_)
        await asyncio.sleep(0)
        return about()

    first, second = await asyncio.gather(
        asyncio.create_task(work("a")), asyncio.create_task(work("b" * 500))
    )
    assert first == {"operation_id": "a"}
    assert second == {"operation_id": "b" * 100}
    assert about() == {}


def test_a_masked_error_is_found_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    told = to_graphql_error(ZeroDivisionError("of user 7"))
    [record] = caplog.records
    assert told.extensions is not None
    assert vars(record)["error_id"] == told.extensions["id"]


@pytest.mark.django_db(transaction=True)
async def test_a_live_context_is_named_with_its_place(
    settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOARD_PRESENCE = False
    caplog.set_level(logging.DEBUG, "rxgraph")
    user = await in_database(User.objects.create)(username="ann")
    project = await in_database(Project.objects.create)(name="Nobody's business", owner=user)

    async def fail(self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ProjectChannel, "on_disconnect", fail)
    async with staged(ProjectChannel) as stage:
        live = await stage.subscribe(ProjectChannel, user, {"projectId": project.pk})
        event = await live.event()
        await live.close()
    [filled] = [r for r in caplog.records if "is filled" in r.message]
    assert vars(filled)["anchor"] == str(project.pk)
    told = [r for r in caplog.records if r.name == "rxgraph.stream"]
    assert [r.levelname for r in told] == ["DEBUG", "ERROR", "DEBUG"]
    for record in told:
        found = {name: vars(record).get(name) for name in FIELDS}
        assert found["channel"] == "channels_app.channels.ProjectChannel"
        assert found["anchor"] == str(project.pk)
        assert found["session"] == event["session"]
        assert found["generation"]
        assert isinstance(found["position"], int)
    shown = json.dumps([[r.getMessage(), {k: str(v) for k, v in vars(r).items()}] for r in told])
    assert "Nobody's business" not in shown
