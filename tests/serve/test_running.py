"""Actions on one context: side by side, in time, and not beyond its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404
from graphql import GraphQLError
from rest_framework import exceptions as drf

from rxgraph.actions import action
from rxgraph.channels import ContextChannel
from rxgraph.compile.actions import ActionSpec, compile_actions
from rxgraph.declare import registry
from rxgraph.errors import BadRequest
from rxgraph.serve.answers import failed, value_of
from rxgraph.serve.running import RunningActions, check_size
from tests.torture.models import Album
from tests.torture.serializers import GenreSerializer

with registry.isolated():

    class ThingChannel(ContextChannel):
        class Meta:
            state = GenreSerializer()

        stopped = 0

        @action
        async def add(self, one: int, two: int = 5) -> int:
            return one + two

        @action
        async def wait(self, seconds: float) -> str:
            try:
                await asyncio.sleep(seconds)
            finally:
                self.stopped += 1
            return "slept"

        @action
        async def stubborn(self) -> str:
            """Goes on whoever cancels it."""
            for _ in range(40):
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    self.stopped += 1
            return "done"

        @action
        async def late(self) -> None:
            raise TimeoutError("of its own")

        @action
        async def lie(self) -> list[int]:
            return [1, "2"]  # type: ignore[list-item]


SPECS = {spec.method: spec for spec in compile_actions(ThingChannel)}


def running(limit: int = 10) -> tuple[ThingChannel, RunningActions]:
    context = ThingChannel()
    return context, RunningActions(context, limit=limit)


async def run(
    actions: RunningActions,
    method: str,
    *,
    seconds: float = 5.0,
    max_bytes: int = 1000,
    **given: Any,
) -> Any:
    return await actions.run(SPECS[method], given, seconds=seconds, max_bytes=max_bytes)


def error_of(answer: Any) -> tuple[str, int, str]:
    extensions = answer["error"]["extensions"]
    return extensions["code"], extensions["status"], answer["error"]["message"]


async def test_it_answers_by_the_method() -> None:
    _, actions = running()
    assert value_of(await run(actions, "add", one=1)) == 6
    assert value_of(await run(actions, "add", one=1, two=2)) == 3


async def test_several_run_at_once() -> None:
    _, actions = running()
    asked = [
        actions.run(SPECS["wait"], {"seconds": 0.5}, seconds=5, max_bytes=99) for _ in range(9)
    ]
    async with asyncio.timeout(4.0):
        found = await asyncio.gather(*asked)
    assert [value_of(answer) for answer in found] == ["slept"] * 9


async def test_more_than_the_limit_are_refused() -> None:
    _, actions = running(limit=2)
    asked = [
        actions.run(SPECS["wait"], {"seconds": 0.1}, seconds=5, max_bytes=99) for _ in range(3)
    ]
    found = await asyncio.gather(*asked)
    assert [("error" in answer) for answer in found] == [False, False, True]
    assert error_of(found[2])[:2] == ("RATE_LIMITED", 429)
    assert value_of(await run(actions, "add", one=1)) == 6


async def test_who_takes_too_long_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    context, actions = running()
    answer = await actions.run(SPECS["wait"], {"seconds": 9}, seconds=0.05, max_bytes=99)
    code, status, text = error_of(answer)
    assert (code, status) == ("INTERNAL", 504)
    assert "did not end within 0.05 seconds" in text
    assert f"{__name__}.ThingChannel.wait was stopped after 0.05 seconds" in caplog.text
    assert context.stopped == 1


async def test_who_cannot_be_stopped_is_left_alone_after_a_moment(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxgraph.serve.running._CLOSE_SECONDS", 0.1)
    context, actions = running()
    async with asyncio.timeout(1.8):
        answer = await run(actions, "stubborn", seconds=0.1)
    assert error_of(answer)[:2] == ("INTERNAL", 504)
    assert context.stopped == 1
    await actions.close()
    assert f"{__name__}.ThingChannel.stubborn does not end" in caplog.text


async def test_a_timeout_of_its_own_is_an_error_like_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, actions = running()
    assert error_of(await run(actions, "late"))[:2] == ("INTERNAL", 500)
    assert "TimeoutError: of its own" in caplog.text


async def test_when_the_context_ends_they_are_cancelled_and_told() -> None:
    context, actions = running()
    asked = [
        asyncio.create_task(actions.run(SPECS["wait"], {"seconds": 9}, seconds=9, max_bytes=99))
        for _ in range(3)
    ]
    await asyncio.sleep(0.01)
    await actions.close()
    assert context.stopped == 3
    for answer in await asyncio.gather(*asked):
        assert error_of(answer)[:2] == ("CONFLICT", 409)
    assert error_of(await run(actions, "add", one=1))[:2] == ("CONFLICT", 409)


async def test_it_goes_on_when_the_caller_goes() -> None:
    context, actions = running()
    asked = asyncio.create_task(
        actions.run(SPECS["wait"], {"seconds": 0.1}, seconds=9, max_bytes=99)
    )
    await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.sleep(0.01)
    assert context.stopped == 0
    await asyncio.sleep(0.15)
    assert context.stopped == 1


async def test_an_answer_of_another_type_is_logged_with_the_action(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, actions = running()
    code, status, text = error_of(await run(actions, "lie"))
    assert (code, status) == ("INTERNAL", 500)
    assert "str" not in text
    expected = (
        f"{__name__}.ThingChannel.lie declares what it answers, but that.1 is a str, not an int"
    )
    assert expected in caplog.text


async def test_an_answer_that_is_too_much_is_logged() -> None:
    _, actions = running()
    answer = await actions.run(SPECS["wait"], {"seconds": 0}, seconds=5, max_bytes=3)
    assert error_of(answer)[:2] == ("INTERNAL", 500)


async def test_arguments_that_do_not_fit_are_the_client_s() -> None:
    _, actions = running()
    assert error_of(await run(actions, "add", one="1")) == (
        "BAD_REQUEST",
        400,
        "thingAdd: one is a str, not an int",
    )


def test_arguments_that_are_too_much() -> None:
    spec: ActionSpec = SPECS["add"]
    check_size(spec, {"one": 1}, 9)
    with pytest.raises(BadRequest, match="thingAdd: the arguments are 9 bytes; at most 8"):
        check_size(spec, {"one": 1}, 8)
    with pytest.raises(BadRequest, match="thingAdd"):
        check_size(spec, {"one": object()}, 8)


class TestErrors:
    @pytest.mark.parametrize(
        ("cause", "told"),
        [
            (Http404("No page"), ("NOT_FOUND", 404, "No page")),
            (Http404(), ("NOT_FOUND", 404, "It does not exist")),
            (Album.DoesNotExist("secret"), ("NOT_FOUND", 404, "Album does not exist")),
            (GraphQLError("Say so"), ("BAD_REQUEST", 400, "Say so")),
            (
                GraphQLError("Mine", extensions={"code": "TEAPOT", "status": 418}),
                ("TEAPOT", 418, "Mine"),
            ),
            (drf.Throttled(detail="Wait"), ("RATE_LIMITED", 429, "Wait")),
            (ValidationError([]), ("BAD_REQUEST", 400, "It is not valid")),
        ],
    )
    def test_what_is_told(self, cause, told):
        assert error_of(failed(cause, "thingAdd")) == told

    def test_messages_of_django(self):
        cause = ValidationError(
            {
                "due_date": [ValidationError("Over %(n)d", code="over", params={"n": 3}), "Odd"],
                NON_FIELD_ERRORS: ["All wrong"],
            }
        )
        error = failed(cause, "thingAdd")["error"]
        assert error["message"] == "dueDate: Over 3; dueDate: Odd; All wrong"
        assert error["extensions"]["messages"] == [
            {"field": "dueDate", "message": "Over 3", "code": "OVER"},
            {"field": "dueDate", "message": "Odd", "code": "INVALID"},
            {"field": None, "message": "All wrong", "code": "INVALID"},
        ]

    def test_messages_of_drf(self):
        cause = drf.ValidationError({"tags": {"0": ["Blank"]}, "non_field_errors": ["Wrong"]})
        error = failed(cause, "thingAdd")["error"]
        assert error["message"] == "tags.0: Blank; Wrong"

    def test_bugs_are_masked_and_logged_with_the_action(self, caplog):
        code, status, text = error_of(failed(RuntimeError("password"), "thingAdd"))
        assert (code, status) == ("INTERNAL", 500)
        assert "password" not in text
        assert "at ['thingAdd']" in caplog.text
        assert "password" in caplog.text

    def test_a_caller_raises_what_it_is_told(self):
        with pytest.raises(GraphQLError, match="Say so") as caught:
            value_of(failed(BadRequest("Say so"), "thingAdd"))
        assert caught.value.extensions == {"code": "BAD_REQUEST", "status": 400}
