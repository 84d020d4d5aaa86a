"""The switch of the demo's server: slow writes stay in order, refused ones are refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from channels_app.channels import ProjectChannel
from channels_app.demo import trouble
from channels_app.demo.trouble import Mode, with_trouble
from channels_app.models import Comment, Note, Project, Task


@pytest.fixture(autouse=True)
def _normal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(trouble, "SLOW_SECONDS", 0.05)
    yield
    trouble.set_mode(Mode.NORMAL)


def subscribe(name: str, query: str) -> dict[str, Any]:
    text = json.dumps({"id": name, "type": "subscribe", "payload": {"query": query}})
    return {"type": "websocket.receive", "text": text}


WRITE, READ = "mutation A { a }", "query A { a }"


class Socket:
    """A socket whose frames arrive when the test says, and the order in which they are served."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.served: list[str] = []

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text") or message["type"]
            self.served.append(json.loads(text)["id"] if text.startswith("{") else text)

    async def run(self) -> None:
        await with_trouble(self.application)({"type": "websocket"}, self.sent.get, None)

    def put(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.sent.put_nowait(message)


@pytest.fixture
async def socket() -> Any:
    socket = Socket()
    task = asyncio.create_task(socket.run())
    yield socket
    socket.put({"type": "websocket.disconnect"})
    await asyncio.wait_for(task, 10)


async def until(served: list[str], count: int) -> None:
    for _ in range(400):
        if len(served) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"only {served} was served")


async def test_a_normal_server_passes_everything_on_at_once(socket):
    socket.put(subscribe("1", WRITE), subscribe("2", READ), subscribe("3", "  \nmutation { a }"))
    await until(socket.served, 3)
    assert socket.served == ["1", "2", "3"]


async def test_a_slow_one_holds_writes_up_and_nothing_else(socket):
    trouble.set_mode(Mode.SLOW)
    socket.put(
        {"type": "websocket.connect"},
        subscribe("1", WRITE),
        subscribe("2", READ),
        {"type": "websocket.receive", "text": "not JSON, but 'subscribe' and \"subscribe\""},
    )
    await until(socket.served, 3)
    assert socket.served[:2] == ["websocket.connect", "2"]
    await until(socket.served, 4)
    assert socket.served[3] == "1"


async def test_writes_keep_their_order_when_the_switch_is_turned_back(socket):
    trouble.set_mode(Mode.SLOW)
    socket.put(subscribe("1", WRITE), subscribe("2", WRITE))
    await asyncio.sleep(0.01)
    trouble.set_mode(Mode.NORMAL)
    socket.put(subscribe("3", WRITE))
    await until(socket.served, 3)
    assert socket.served == ["1", "2", "3"]


async def test_what_is_held_up_is_dropped_with_its_socket():
    trouble.set_mode(Mode.SLOW)
    socket = Socket()
    task = asyncio.create_task(socket.run())
    socket.put(subscribe("1", WRITE), {"type": "websocket.disconnect"})
    await asyncio.wait_for(task, 10)
    await asyncio.sleep(0.1)
    assert socket.served == []
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert "demo trouble" not in names


@pytest.mark.django_db
def test_one_that_refuses_refuses_even_the_owner():
    owner = User.objects.create_user("owner")
    project = Project.objects.create(name="P", owner=owner)
    task = Task.objects.create(project=project, title="T")
    comment = Comment.objects.create(task=task, author=owner, body="B")
    context = ProjectChannel(user=owner, kwargs={"project_id": project.pk})
    for mode, answer in ((Mode.NORMAL, True), (Mode.REFUSE, False)):
        trouble.set_mode(mode)
        assert context.can_save(task, {}) is answer
        assert context.can_create(Note, task, {}) is answer
        assert context.can_delete(comment) is answer
