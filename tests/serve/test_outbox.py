"""The order of outbound frames: laws over every interleaving, then the asyncio shell."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.serve.outbox import Lane, Outbox, Slot, SlotQueue, SlotState
from rxgraph.serve.scope import NOWHERE, OperationScope

LANES = 3

steps = st.lists(
    st.tuples(st.sampled_from(["reserve", "fill", "release", "send", "end"]), st.integers(0, 8)),
    max_size=80,
)


def drive(commands: list[tuple[str, int]]) -> tuple[SlotQueue, list[Slot], list[int], set[int]]:
    """Do *commands*; return the queue, every slot, the numbers sent, the numbers dropped."""
    queue = SlotQueue()
    lanes = [Lane(queue) for _ in range(LANES)]
    slots: list[Slot] = []
    sent: list[int] = []
    dropped: set[int] = set()
    for command, number in commands:
        open_slots = [slot for slot in slots if not slot.is_over]
        if command == "reserve":
            slots.append(lanes[number % LANES].reserve())
        elif command == "fill" and open_slots:
            slot = open_slots[number % len(open_slots)]
            slot.fill(f"frame {slot.number}")
        elif command == "release" and open_slots:
            slot = open_slots[number % len(open_slots)]
            slot.release()
        elif command == "end" and number < LANES:
            lanes[number].close()
        elif command == "send":
            sent += send_all(queue)
        dropped |= {slot.number for slot in slots if slot.state is SlotState.DROPPED}
    return queue, slots, sent, dropped


def send_all(queue: SlotQueue) -> list[int]:
    sent = []
    while (slot := queue.head()) is not None:
        assert slot.frame == f"frame {slot.number}"
        sent.append(slot.number)
        queue.remove(slot, SlotState.SENT)
    return sent


@given(steps)
def test_frames_go_out_in_the_order_of_their_slots(commands):
    _, _, sent, _ = drive(commands)
    assert sent == sorted(set(sent))


@given(steps)
def test_nothing_dropped_is_sent_and_nothing_sent_is_dropped(commands):
    _, _, sent, dropped = drive(commands)
    assert dropped.isdisjoint(sent)


@given(steps)
def test_the_queue_holds_exactly_what_is_neither_sent_nor_dropped(commands):
    queue, slots, _, _ = drive(commands)
    assert len(queue) == sum(not slot.is_over for slot in slots)


@given(steps)
def test_once_all_lanes_ended_nothing_is_left_and_nothing_blocks(commands):
    queue, slots, _, _ = drive(commands)
    for lane in {id(slot.lane): slot.lane for slot in slots}.values():
        lane.close()
    assert len(queue) == 0
    late = Lane(queue).reserve()
    late.fill(f"frame {late.number}")
    assert send_all(queue) == [late.number]


@given(steps, st.integers(0, LANES - 1))
def test_an_ended_lane_never_blocks_the_others(commands, ended):
    queue, slots, _, _ = drive(commands)
    for slot in slots:
        if slot.lane is slots[0].lane:
            slot.lane.close()
    for slot in slots:
        if not slot.is_over:
            slot.fill(f"frame {slot.number}")
    send_all(queue)
    assert len(queue) == 0


@given(steps)
def test_a_closed_queue_drops_all_and_takes_nothing(commands):
    queue, slots, _, _ = drive(commands)
    queue.close()
    assert all(slot.is_over for slot in slots)
    assert Lane(queue).reserve().is_over


def test_a_slot_that_is_over_takes_no_frame():
    queue = SlotQueue()
    slot = Lane(queue).reserve()
    slot.release()
    slot.fill("late")
    slot.release()
    assert slot.frame is None
    assert queue.head() is None


class Socket:
    """Takes frames, one at a time when told to be slow."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, frame: str) -> None:
        await self.gate.wait()
        self.frames.append(frame)


async def test_a_late_head_holds_back_what_was_reserved_after_it():
    socket = Socket()
    outbox = Outbox(socket.send)
    outbox.start()
    first, second = outbox.lane().reserve(), outbox.lane().reserve()
    second.fill("second")
    await asyncio.sleep(0)
    assert socket.frames == []
    first.fill("first")
    await second.gone()
    assert socket.frames == ["first", "second"]
    await outbox.close()


async def test_push_returns_when_the_frame_is_gone():
    socket = Socket()
    outbox = Outbox(socket.send)
    outbox.start()
    socket.gate.clear()
    push = asyncio.create_task(outbox.push("ack").gone())
    await asyncio.sleep(0.01)
    assert not push.done()
    socket.gate.set()
    await push
    assert socket.frames == ["ack"]
    await outbox.close()


async def test_closing_wakes_everybody_who_waits():
    socket = Socket()
    socket.gate.clear()
    outbox = Outbox(socket.send)
    outbox.start()
    waiting = [asyncio.create_task(outbox.push(str(number)).gone()) for number in range(3)]
    await asyncio.sleep(0.01)
    await outbox.close()
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    await asyncio.wait_for(outbox.push("late").gone(), 10)
    assert socket.frames == []


async def test_a_broken_socket_ends_the_queue_without_a_hang():
    async def send(frame: str) -> None:
        raise ConnectionError("gone")

    outbox = Outbox(send)
    outbox.start()
    await asyncio.wait_for(outbox.push("one").gone(), 10)
    await asyncio.wait_for(outbox.push("two").gone(), 10)
    assert outbox.queue.is_closed
    await outbox.close()


@pytest.mark.parametrize("seed", range(20))
async def test_operations_that_come_and_go_keep_the_order_and_leave_nothing(seed):
    """Random operations, some cancelled anywhere, over a slow socket."""
    import random

    rng = random.Random(seed)
    socket = Socket()
    outbox = Outbox(socket.send)
    outbox.start()
    reserved: dict[str, int] = {}
    sent_by: dict[int, list[str]] = defaultdict(list)

    async def operation(number: int) -> None:
        scope = OperationScope(outbox.lane())
        try:
            for event in range(rng.randrange(1, 6)):
                place = scope.reserve()
                assert isinstance(place, Slot)
                frame = f"{number}/{event}"
                reserved[frame] = place.number
                await asyncio.sleep(rng.choice([0, 0, 0.001, 0.003]))
                if rng.random() < 0.2:
                    place.release()
                    continue
                scope.use(place)
                slot = scope.take()
                assert slot is place
                slot.fill(frame)
                await slot.gone()
                sent_by[number].append(frame)
        finally:
            await scope.close()

    async def pulse() -> None:
        while True:
            socket.gate.clear()
            await asyncio.sleep(0.001)
            socket.gate.set()
            await asyncio.sleep(0)

    pulse_task = asyncio.create_task(pulse())
    tasks = [asyncio.create_task(operation(number)) for number in range(12)]
    await asyncio.sleep(0.002)
    for task in rng.sample(tasks, 5):
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    pulse_task.cancel()
    numbers = [reserved[frame] for frame in socket.frames]
    assert numbers == sorted(numbers)
    assert len(outbox.queue) == 0
    for frames in sent_by.values():
        assert [frame for frame in socket.frames if frame in frames] == frames
    await outbox.close()


async def test_reads_of_one_operation_happen_at_one_moment():
    moments: list[str] = []
    scope = OperationScope()
    together = scope.together
    together.join()
    together.join()

    async def slow() -> int:
        await asyncio.sleep(0.01)
        moments.append("slow is ready")
        return await together.read(lambda: len(moments))

    async def fast() -> int:
        return await together.read(lambda: len(moments))

    assert list(await asyncio.gather(fast(), slow())) == [1, 1]


async def test_a_reader_that_fails_or_is_cancelled_does_not_hold_up_the_others():
    together = OperationScope().together
    for _ in range(3):
        together.join()
    cancelled = asyncio.create_task(together.read(lambda: "never"))
    good = asyncio.create_task(together.read(lambda: "read"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    assert not good.done()  # the third may still come
    together.leave()
    assert await asyncio.wait_for(good, 10) == "read"


async def test_what_a_reader_raises_is_its_own():
    together = OperationScope().together
    together.join()
    together.join()

    def fail() -> None:
        raise LookupError("mine")

    results = await asyncio.gather(
        together.read(fail), together.read(lambda: 1), return_exceptions=True
    )
    assert isinstance(results[0], LookupError)
    assert results[1] == 1


async def test_a_result_takes_the_place_of_its_read():
    outbox = Outbox(Socket().send)
    scope = OperationScope(outbox.lane())
    scope.together.join()
    await scope.together.read(lambda: None)
    later = outbox.lane().reserve()
    slot = scope.take()
    assert slot is not None
    assert slot.number < later.number
    await scope.close()
    assert slot.is_over


def test_without_a_connection_places_cost_nothing():
    scope = OperationScope()
    assert scope.reserve() is NOWHERE
    scope.use(NOWHERE)
    assert scope.take() is None


def test_a_place_before_another_goes_out_before_it() -> None:
    queue = SlotQueue()
    one, other = Lane(queue), Lane(queue)
    first, second = one.reserve(), other.reserve()
    between = one.reserve(before=second)
    also = one.reserve(before=second)
    last = other.reserve(before=None)
    order = [first, between, also, second, last]
    for slot in order:
        slot.fill("x")
    for slot in order:
        assert queue.head() is slot
        queue.remove(slot, SlotState.SENT)
    late = one.reserve(before=second)  # which has gone out
    assert one.slots == {late.number: late}
    one.close()
    assert one.reserve(before=late).is_over
