"""What clients send: types, nulls, sizes, and rows that are not theirs to name."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from rxgraph.sync.writing import MessageKind
from tests.sync.writing.app.declared import OpenBenchChannel, hooks
from tests.sync.writing.workshop import Job, Tool, Workshop, only, told


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({"title": None}, "title", "NULL"),
        ({"hours": "many"}, "hours", "INVALID"),
        ({"hours": {"$gt": 0}}, "hours", "INVALID"),
        ({"title": {"a": 1}}, "title", "INVALID"),
        ({"title": "x" * 41}, "title", "MAX_LENGTH"),
        ({"title": ""}, "title", "BLANK"),
        ({"title": "a\x00b"}, "title", "NULL_CHARACTERS_NOT_ALLOWED"),
        ({"title": "\ud800"}, "title", "SURROGATE_CHARACTERS_NOT_ALLOWED"),
        ({"status": "lost"}, "status", "INVALID_CHOICE"),
        ({"toolIds": 5}, "toolIds", "NOT_A_LIST"),
        ({"toolIds": ["x"]}, "toolIds", "INCORRECT_TYPE"),
        ({"toolIds": [{"$gt": 0}]}, "toolIds", "INCORRECT_TYPE"),
        ({"toolIds": [10**30]}, "toolIds", "DOES_NOT_EXIST"),
        ({"helperId": 10**30}, "helperId", "DOES_NOT_EXIST"),
        ({"favourite": "nothing"}, "favourite", "DOES_NOT_EXIST"),
        ({"title": "unclean"}, "title", "DIRTY"),
        ({"hours": -1}, None, "INVALID"),
        ({"title": "chair"}, None, "UNIQUE_TOGETHER"),
    ],
    ids=str,
)
def test_wrong_values_are_messages_with_path_and_code(
    workshop: Workshop, data: dict[str, Any], field: str | None, code: str
) -> None:
    names = {"toolIds": "tool_ids", "helperId": "helper_id"}
    data = {names.get(name, name): value for name, value in data.items()}
    before = list(Job.objects.values())
    message = only(workshop.save(workshop.job, data))
    assert (message.kind, message.field, message.code) == (MessageKind.VALIDATION, field, code)
    assert list(Job.objects.values()) == before


def test_every_wrong_field_is_told_at_once(workshop: Workshop) -> None:
    outcome = workshop.save(workshop.job, {"hours": "many", "tool_ids": 1, "title": None})
    assert sorted(str(field) for field, _ in told(outcome)) == ["hours", "title", "toolIds"]


def test_null_and_unset_differ(workshop: Workshop) -> None:
    workshop.save(workshop.job, {"favourite": "saw"})
    workshop.save(workshop.job, {"hours": 2})
    workshop.job.refresh_from_db()
    assert workshop.job.favourite == workshop.saw
    workshop.save(workshop.job, {"favourite": None})
    workshop.job.refresh_from_db()
    assert workshop.job.favourite is None


class TestRowsOutsideOfTheContext:
    """Every way to name a row."""

    @pytest.mark.parametrize("field", ["tool_ids", "helper_id", "favourite"])
    def test_are_refused_as_if_they_did_not_exist(self, workshop: Workshop, field: str) -> None:
        def name(row: Any) -> Any:
            return {"tool_ids": [row.pk], "helper_id": row.pk, "favourite": str(row)}[field]

        row = workshop.hidden if field == "helper_id" else workshop.foreign
        value = name(row)
        while_there = only(workshop.save(workshop.job, {field: value}))
        if field == "helper_id":
            workshop.hidden.delete()
        else:
            workshop.hidden.tools.clear()
            workshop.foreign.delete()
        assert only(workshop.save(workshop.job, {field: value})) == while_there
        assert while_there.code == "DOES_NOT_EXIST"
        assert not hooks.calls

    def test_in_a_list_they_hide_behind_no_other(self, workshop: Workshop) -> None:
        lists = ([workshop.foreign.pk, 999_999], [999_999, workshop.foreign.pk])
        there = [only(workshop.save(workshop.job, {"tool_ids": ids})) for ids in lists]
        workshop.hidden.tools.clear()
        workshop.foreign.delete()
        gone = [only(workshop.save(workshop.job, {"tool_ids": ids})) for ids in lists]
        assert there == gone

    def test_rows_of_the_context_may_be_named(self, workshop: Workshop) -> None:
        data = {
            "tool_ids": [workshop.saw.pk, str(workshop.file.pk)],
            "helper_id": workshop.second.pk,
            "favourite": "file",
        }
        assert workshop.save(workshop.job, data).messages == ()
        workshop.job.refresh_from_db()
        assert workshop.job.helper == workshop.second
        assert set(workshop.job.tools.all()) == {workshop.saw, workshop.file}

    def test_what_the_instance_refers_to_already_may_stay(self, workshop: Workshop) -> None:
        workshop.job.helper = workshop.hidden
        workshop.job.save()
        data = {"helper_id": workshop.hidden.pk, "hours": 5}
        assert workshop.save(workshop.job, data).results

    def test_a_row_that_only_the_cache_still_holds_is_refused(self, workshop: Workshop) -> None:
        view = workshop.view()
        Job.objects.filter(pk=workshop.second.pk).update(bench=workshop.other)
        data = {"helper_id": workshop.second.pk}
        assert only(workshop.save(workshop.job, data, view=view)).code == "DOES_NOT_EXIST"

    def test_a_hook_with_outside_judges_them(self, workshop: Workshop) -> None:
        workshop.use(OpenBenchChannel)
        data = {"tool_ids": [workshop.saw.pk, workshop.foreign.pk], "favourite": "foreign"}
        hooks.answer = lambda *call: not call[-1]
        assert only(workshop.save(workshop.job, data)).code == "FORBIDDEN"
        assert hooks.calls[0][-1] == (workshop.foreign, workshop.foreign)
        hooks.answer = True
        assert workshop.save(workshop.job, data).results
        assert workshop.job.tools.filter(pk=workshop.foreign.pk).exists()

    def test_a_hook_with_outside_sees_none_where_all_is_inside(self, workshop: Workshop) -> None:
        workshop.use(OpenBenchChannel)
        workshop.save(workshop.job, {"tool_ids": [workshop.saw.pk]})
        assert hooks.calls[0][-1] == ()

    def test_a_new_root_has_no_context_to_name_from(self, workshop: Workshop) -> None:
        assert workshop.make_bench({"name": "third"}).results


def test_too_much_input_is_refused(workshop: Workshop) -> None:
    with override_settings(RXGRAPH={"STORE": "memory://", "MUTATION_BYTES": 500}):
        message = only(workshop.save(workshop.job, {"title": "x" * 600}))
    assert message.code == "BAD_REQUEST"
    assert only(workshop.save(workshop.job, {"title": "x" * 1024**2})).code == "BAD_REQUEST"


def test_endless_and_strange_input_is_refused(workshop: Workshop) -> None:
    endless: list[Any] = []
    endless.append(endless)
    strange: list[Any] = [endless, {"a": endless}, {(1, 2): 3}, int("1" * 4000) ** 2]
    for value in strange:
        message = only(workshop.save(workshop.job, {"title": value}))
        assert message.code in ("BAD_REQUEST", "INVALID", "MAX_LENGTH"), value


def test_what_a_greedy_serializer_adds_is_not_written(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    assert workshop.save(workshop.job, {"title": "greedy"}).results[0].id == str(workshop.job.pk)
    workshop.job.refresh_from_db()
    assert (workshop.job.title, workshop.job.internal) == ("greedy", "untouched")
    assert not Job.objects.filter(pk=999_999).exists()
    assert "internal" in caplog.text


def test_a_crash_in_a_serializer_is_masked_and_nothing_written(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    message = only(workshop.save(workshop.job, {"title": "crash", "hours": 7}))
    assert (message.kind, message.code) == (MessageKind.ERROR, "INTERNAL")
    assert "vault" not in message.message
    assert "vault" in caplog.text
    workshop.job.refresh_from_db()
    assert workshop.job.hours == 1


def test_unique_names_are_checked_but_not_against_the_row_itself(workshop: Workshop) -> None:
    assert workshop.save(workshop.saw, {"name": "saw"}).results
    assert told(workshop.save(workshop.saw, {"name": "foreign"})) == [("name", "UNIQUE")]
    assert Tool.objects.filter(name="foreign").count() == 1
