"""Whatever a client sends, only declared fields of rows in its context change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxgraph.compile.writing import WriteRequest
from rxgraph.errors import RequestError
from tests.sync.writing.app.models import Bench, Job, Memo, Sheet, Tool, Vice
from tests.sync.writing.workshop import Workshop

MODELS: tuple[Any, ...] = (Bench, Job, Memo, Sheet, Tool, Vice)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 12), st.floats(), st.text(max_size=8), st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
good = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b", "greedy"]),
        "hours": st.integers(0, 9),
        "status": st.sampled_from(["todo", "done"]),
        "name": st.sampled_from(["x", "y"]),
        "body": st.just("z"),
        "text": st.just("z"),
    },
)
names = st.sampled_from(
    [
        *("id", "pk", "title", "hours", "internal", "bench", "bench_id", "owner", "owner_id"),
        *("job", "job_id", "secret", "tools", "tool_ids", "helper_id", "helper", "favourite"),
        *("name", "is_sharp", "body", "text", "vice", "memos", "_state", "__class__", "save"),
    ]
)
ids = st.one_of(st.integers(-1, 6).map(str), values)


def snapshot() -> dict[Any, dict[str, Any]]:
    """Return every row by model and key."""
    return {
        (model, row["id"]): row for model in MODELS for row in model.objects.order_by().values()
    }


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_input_writes_outside_of_the_whitelist(workshop: Workshop, data: st.DataObject) -> None:
    view = workshop.view()
    spec = data.draw(st.sampled_from(workshop.compiled.writes))
    fields = {**data.draw(good), **data.draw(st.dictionaries(names, values, max_size=2))}
    if data.draw(st.booleans()):
        fields = {name: value for name, value in fields.items() if name in spec.fields}
    request = WriteRequest(
        spec,
        id=data.draw(ids),
        parent=data.draw(st.sampled_from(spec.parents)) if spec.parents else None,
        parent_id=data.draw(ids) if spec.parents else None,
        data=fields,
    )
    before = snapshot()
    try:
        outcome = workshop.write(request, view=view)
    except RequestError:
        assert snapshot() == before
        return
    after = snapshot()
    if outcome.messages:
        assert after == before
        assert "INTERNAL" not in [message.code for message in outcome.messages], request
        return
    (written,) = outcome.results
    mine = (spec.layer.model, int(written.id))
    if spec.operation == "DELETE":
        assert mine in before
        assert mine not in after
        return
    own = set(spec.fields) | {"helper_id", "favourite_id"}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if key == mine and old is not None and new is not None:
            changed = {name for name in new if new[name] != old[name]}
            assert changed <= own, (request, changed)
        elif key == mine and new is not None:
            assert new.get("internal", "untouched") == "untouched"
            assert new.get("owner_id", workshop.ann.pk) == workshop.ann.pk
            assert new.get("secret", "sealed") == "sealed"
        elif old is None or new is None or old != new:
            vice = key[0] is Bench and old and new and {**old, "vice_id": new["vice_id"]} == new
            assert vice, (request, old, new)
