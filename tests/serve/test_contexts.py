"""The registry of live contexts knows what is open, and nothing else."""

from __future__ import annotations

import pytest

from rxgraph.errors import Forbidden
from rxgraph.serve.auth import Credentials, Identity
from rxgraph.serve.scope import OperationScope
from rxgraph.serve.stream import LiveStream
from rxgraph.settings import RxGraphSettings
from rxgraph.types import AnchorKey, process_key, process_of
from tests.serve.shop import ANN, BOB, COMPILED, FakeHub, User, hooks

KEY = AnchorKey(COMPILED.name, "7")


def stream_of(hub: FakeHub, user: User) -> LiveStream:
    return LiveStream(
        COMPILED,
        Identity(user, Credentials()),
        {"album_id": 7},
        hub=hub,  # type: ignore[arg-type]
        settings=RxGraphSettings(),
        scope=OperationScope(),
    )


async def test_a_live_context_is_found_by_session_user_and_anchor_until_it_closes() -> None:
    hub = FakeHub()
    ann, bob = stream_of(hub, ANN), stream_of(hub, BOB)
    for stream in (ann, bob):
        await stream.open(None)
    assert hub.contexts.find(ann.session) is ann
    assert hub.contexts.of_user("2") == [bob]
    assert hub.contexts.of_anchor(KEY) == [ann, bob]
    assert list(hub.contexts) == [ann, bob]
    assert process_of(ann.session) == process_key("process")
    for stream in (ann, ann, bob):
        await stream.close()
    assert hub.contexts.find(ann.session) is None
    assert [hub.contexts.of_user(str(user.pk)) for user in (ANN, BOB)] == [[], []]
    assert hub.contexts.of_anchor(KEY) == []
    assert len(hub.contexts) == 0
    assert vars(hub.contexts) == {**vars(FakeHub().contexts)}


async def test_one_that_was_refused_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "permission", False)
    hub = FakeHub()
    stream = stream_of(hub, ANN)
    with pytest.raises(Forbidden):
        await stream.open(None)
    assert hub.contexts.of_user("1") == [stream]
    assert hub.contexts.of_anchor(KEY) == []
    await stream.close()
    assert len(hub.contexts) == 0
