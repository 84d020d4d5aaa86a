"""Stream order with writes: no later frame of a socket shows an older state.

Numbers in the database only grow. Every frame of a socket is recorded, answers included, and
wherever a number appears, it must not be smaller than in the frames before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rxgraph.testing import OperationFailed
from tests.integration.mutation_scene import Recorder, Scene, clustered, document, embedded

SHORT = "{ id position }"


@pytest.fixture(scope="module", params=["embedded", "clustered"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    make = embedded if request.param == "embedded" else clustered
    with make(tmp_path_factory.mktemp("scene")) as found:
        yield found


def positions(value: Any) -> Iterator[tuple[str, int]]:
    """Yield id and position of every task in a frame."""
    if isinstance(value, dict):
        if value.get("__typename") == "Task" and "position" in value:
            yield value["id"], value["position"]
        for item in value.values():
            yield from positions(item)
    elif isinstance(value, list):
        for item in value:
            yield from positions(item)


def check_order(frames: list[dict[str, Any]], *, also: Mapping[str, int] | None = None) -> int:
    """Fail where a frame shows an older position than one before it; answer how many it looked at.

    Within one frame a task has one position: it shows one moment.
    """
    newest: dict[str, int] = dict(also or {})
    seen = 0
    for place, frame in enumerate(frames):
        if frame["type"] != "next":
            continue
        shown: dict[str, set[int]] = {}
        for id_, position in positions(frame["payload"]):
            shown.setdefault(id_, set()).add(position)
            seen += 1
        for id_, found in shown.items():
            oldest = min(found)
            assert oldest >= newest.get(id_, 0), (
                f"frame {place} of operation {frame['id']} shows task {id_} at {oldest},"
                f" after {newest[id_]}"
            )
            newest[id_] = max(found)
    return seen


def check_own_first(frames: list[dict[str, Any]]) -> int:
    """Fail where an answer comes before the event that contains its write; answer how many."""
    told: set[str] = set()
    count = 0
    for frame in frames:
        if frame["type"] != "next":
            continue
        for value in frame["payload"]["data"].values():
            told |= set(value.get("clientMutationIds") or ())
            if name := value.get("clientMutationId"):
                assert name in told, f"the answer {name} came before its event"
                count += 1
    return count


async def write_on(client: Recorder, scene: Scene, tasks: list[int], stop: asyncio.Event) -> int:
    """Count up the positions of tasks as fast as it can, until told to stop."""
    times = 0
    while not stop.is_set():
        times += 1
        await count_up(client, scene, tasks[times % len(tasks)])
    return times


async def count_up(client: Recorder, scene: Scene, task: int, **more: Any) -> Any:
    """Give a task the next number: by compare-and-set, so that the number only grows."""
    numbers = _numbers.setdefault(task, iter(range(1, 10**6)))
    async with _locks.setdefault(task, asyncio.Lock()):
        return await client.mutate(
            "projectSaveTask",
            projectId=scene.project,
            id=task,
            data={"position": next(numbers)},
            **more,
        )


_numbers: dict[int, Iterator[int]] = {}
_locks: dict[int, asyncio.Lock] = {}


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    _numbers.clear()
    _locks.clear()


async def settle(*clients: Recorder) -> None:
    """Wait until nothing has come for a moment."""
    count = -1
    for _ in range(60):
        await asyncio.sleep(0.2)
        if count == (count := sum(len(client.frames) for client in clients)):
            return


async def test_a_writer_and_a_second_one_elsewhere(scene):
    tasks = [scene.task() for _ in range(3)]
    stop = asyncio.Event()
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        for client in (ann, eve):
            await scene.watch(client)
        busy = asyncio.create_task(write_on(eve, scene, tasks, stop))
        for number in range(70):
            await count_up(ann, scene, tasks[number % 3], clientMutationId=f"w{number}")
        stop.set()
        assert await busy > 20, "the second writer wrote meanwhile"
        await settle(ann, eve)
        for client in (ann, eve):
            assert check_order(client.frames) > 100
        assert check_own_first(ann.frames) == 70


async def test_with_many_subscriptions_and_a_big_state(scene):
    tasks = [scene.task() for _ in range(2)]
    for _ in range(60):
        scene.task(description="much " * 200, position=10**6)
    stop = asyncio.Event()
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        for _ in range(12):
            await scene.watch(ann)
        await scene.watch(eve)
        busy = asyncio.create_task(write_on(eve, scene, tasks, stop))
        first = len(ann.frames)

        async def several(lane: int) -> None:
            for number in range(10):
                await count_up(ann, scene, tasks[number % 2], clientMutationId=f"{lane}:{number}")

        async def reads() -> None:
            for _ in range(15):
                await ann.query(
                    f"query {{ project(projectId: {scene.project})"
                    " { state { tasks { __typename id position } } } }"
                )

        await asyncio.gather(several(1), several(2), several(3), reads())
        stop.set()
        await busy
        await settle(ann)
        assert check_order(ann.frames) > 300
        assert check_own_first(ann.frames[first:]) == 30


async def test_a_payload_that_takes_long_to_render_comes_in_its_place(scene):
    """The answer shows a hundred tasks; events that are told meanwhile wait for it."""
    task = scene.task()
    ids = [scene.task(position=0) for _ in range(30)]
    wanted = ", ".join(f"{{saveTask: {{id: {id_}, data: {{description: %s}}}}}}" for id_ in ids)
    stop = asyncio.Event()
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        await scene.watch(ann)
        busy = asyncio.create_task(write_on(eve, scene, [task], stop))
        for number in range(8):
            operations = wanted.replace("%s", f'"{number}"') + (
                f', {{saveTask: {{id: {task}, data: {{description: "{number}"}}}}}}'
            )
            await ann.query(
                f"mutation {{ projectWrite(projectId: {scene.project}, operations: [{operations}],"
                f' clientMutationId: "b{number}") {{ clientMutationId messages {{ message }}'
                " changed { tasks { __typename id position } } } }"
            )
        stop.set()
        await busy
        await settle(ann)
        assert check_order(ann.frames) > 200
        assert check_own_first(ann.frames) == 8


async def test_several_writes_in_one_operation(scene):
    """One answer shows the results of several writes, with others in between."""
    tasks = [scene.task() for _ in range(2)]
    fields = " ".join(
        f"m{place}: projectSaveTask(projectId: {scene.project}, id: {task},"
        " data: {description: $text})"
        " { messages { message } task { __typename id position } }"
        for place, task in enumerate(tasks * 2)
    )
    stop = asyncio.Event()
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        await scene.watch(ann)
        busy = asyncio.create_task(write_on(eve, scene, tasks, stop))
        for number in range(15):
            await ann.query(f"mutation($text: String) {{ {fields} }}", {"text": str(number)})
        stop.set()
        await busy
        await settle(ann)
        assert check_order(ann.frames) > 50


async def test_a_write_that_is_refused_holds_nothing_back(scene):
    task = scene.task()
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        await scene.watch(ann)
        data = await ann.query(
            "mutation {"
            f" a: projectSaveTask(projectId: {scene.project}, id: {task}, data: {{position: 1}})"
            " { messages { code } }"
            f' b: projectSaveTask(projectId: {scene.project}, id: {task}, data: {{title: ""}})'
            " { messages { code } task { id } }"
            f" c: projectSaveTask(projectId: {scene.project}, id: {scene.hidden}, data: {{}})"
            " { messages { code } }"
            "}"
        )
        assert [[m["code"] for m in data[key]["messages"]] for key in "abc"] == [
            [], ["BLANK"], ["NOT_FOUND"],
        ]  # fmt: skip
        _numbers[task] = iter(range(2, 9))
        payload = await count_up(eve, scene, task)
        await ann.until_cursor(payload["cursor"])
        check_order(ann.frames)


async def test_after_a_write_that_failed_the_rest_of_the_operation_is_not_written(scene):
    tasks = [scene.task() for _ in range(3)]
    fields = [
        f"m{place}: projectSaveTask(projectId: {scene.project if place != 1 else 999}, id: {task},"
        ' data: {description: "written"}) { messages { code } task { id } }'
        for place, task in enumerate(tasks)
    ]
    async with scene.client("ann") as ann:
        await scene.watch(ann)
        with pytest.raises(OperationFailed) as caught:
            await ann.query(f"mutation {{ {' '.join(fields)} }}")
        assert caught.value.code == "NOT_FOUND"
        await asyncio.sleep(0.3)
        written = [scene.row("task", task, "description") for task in tasks]
        assert written == [("written",), ("",), ("",)]
        payload = await count_up(ann, scene, tasks[2])
        await ann.until_cursor(payload["cursor"])


async def test_an_operation_that_is_ended_meanwhile_holds_nothing_back(scene):
    """Its write happens or not; the rest of the socket goes on either way.

    Each writes a task of its own: nobody says which of two that were given up commits last.
    """
    task, given_up = scene.task(), [scene.task() for _ in range(15)]
    async with scene.client("ann") as ann, scene.client("eve", scene.far) as eve:
        await scene.watch(ann)
        _numbers[task] = iter(range(1, 10**6))
        for number, own in enumerate(given_up):
            variables = {"projectId": scene.project, "id": own, "data": {"position": 1}}
            newest = ann.subscription
            operation = await ann.subscribe(document("projectSaveTask"), variables)
            ann._newest = newest
            await asyncio.sleep(0.004 * number)
            await operation.stop()
        payload = await count_up(eve, scene, task)
        await ann.until_cursor(payload["cursor"])
        check_order(ann.frames)


def test_the_check_finds_what_goes_back() -> None:
    def frame(position: int) -> dict[str, Any]:
        task = {"__typename": "Task", "id": "1", "position": position}
        return {"type": "next", "id": "1", "payload": {"data": {"project": {"changed": [task]}}}}

    assert check_order([frame(1), frame(1), frame(2)]) == 3
    with pytest.raises(AssertionError, match="frame 1 of operation 1 shows task 1 at 1, after 2"):
        check_order([frame(2), frame(1)])
