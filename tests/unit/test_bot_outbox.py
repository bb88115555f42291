"""The way out of the chat: order, spacing and waiting, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.door import Busy, Gone, Undeliverable
from bot.html import text
from bot.messages import Message
from bot.outbox import LONGEST, SHORTEST, Outbox
from bot.pace import Rate
from head.clock import ManualClock
from tests.support.doors import RecordingDoor, settled


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def door(clock: ManualClock) -> RecordingDoor:
    return RecordingDoor(clock)


@pytest.fixture
async def outbox(clock: ManualClock, door: RecordingDoor) -> AsyncIterator[Outbox]:
    made = Outbox(door, clock)
    yield made
    await made.close()


def _message(words: str) -> Message:
    return Message(text=text(words))


async def _passes(clock: ManualClock, seconds: float, step: float = 0.5) -> None:
    for _ in range(round(seconds / step)):
        await settled()
        clock.advance(step)
    await settled()


async def test_of_what_comes_too_fast_only_the_newest_is_shown(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    for step in range(600):
        outbox.progress("test:1", 7, _message(f"step {step}"))
        await _passes(clock, 0.1, 0.1)
    await _passes(clock, 40)
    gaps = [after - before for before, after in zip(door.times("edit"), door.times("edit")[1:], strict=False)]
    assert min(gaps) >= SHORTEST - 1e-6
    assert max(gaps) <= LONGEST + 1
    assert gaps == sorted(gaps)
    assert door.texts("edit")[-1] == "step 599"


async def test_nothing_is_redrawn_that_has_not_changed(clock: ManualClock, door: RecordingDoor, outbox: Outbox) -> None:
    for _ in range(4):
        outbox.progress("test:1", 7, _message("the same"))
        await _passes(clock, 20)
    assert door.texts("edit") == ["the same"]


async def test_results_go_before_progress(clock: ManualClock, door: RecordingDoor, outbox: Outbox) -> None:
    door.failures.append(Busy(3.0))
    for card in range(5):
        outbox.progress("test:1", card, _message("progress"))
    await _passes(clock, 1)  # the first redraw was refused, the chat is paused
    result = asyncio.ensure_future(outbox.send("test:1", _message("result")))
    await _passes(clock, 10)
    assert result.done()
    assert door.texts()[0] == "result"


async def test_a_result_takes_the_place_of_older_progress(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    outbox.progress("test:1", 7, _message("half"))
    await outbox.edit("test:1", 7, _message("done"))
    await _passes(clock, 40)
    assert door.texts() == ["done"]


async def test_a_chat_that_has_to_slow_down_waits_alone(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    door.failures.append(Busy(7.0))
    slow = asyncio.ensure_future(outbox.send("test:1", _message("slow")))
    await settled()
    quick = asyncio.ensure_future(outbox.send("test:2", _message("quick")))
    await settled()
    assert quick.done()
    assert not slow.done()
    await _passes(clock, 6.5)
    assert not slow.done()
    await _passes(clock, 1)
    assert slow.done()
    assert door.texts() == ["quick", "slow"]


async def test_messages_of_a_chat_keep_their_order_while_the_far_side_is_down(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    door.failures.extend([Busy(None)] * 6)
    sent = [asyncio.ensure_future(outbox.send("test:1", _message(str(n)))) for n in range(5)]
    await _passes(clock, 120, 1)
    assert all(one.done() for one in sent)
    assert door.texts() == ["0", "1", "2", "3", "4"]


async def test_who_cannot_be_reached_is_told_to_the_sender_alone(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    door.failures.extend([Undeliverable("blocked"), Gone("too old")])
    with pytest.raises(Undeliverable):
        await outbox.send("test:1", _message("hello"))
    with pytest.raises(Gone):
        await outbox.edit("test:1", 3, _message("hello"))
    assert await outbox.send("test:1", _message("again")) > 0


async def test_progress_of_a_message_that_is_gone_is_dropped(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    door.failures.append(Gone("deleted"))
    outbox.progress("test:1", 7, _message("half"))
    await _passes(clock, 30)
    assert door.texts() == []


async def test_closing_lets_go_of_who_waits(clock: ManualClock, door: RecordingDoor, outbox: Outbox) -> None:
    door.failures.append(Busy(1000.0))
    waiting = [asyncio.ensure_future(outbox.send("test:1", _message("never"))) for _ in range(2)]
    await settled()
    await outbox.close()
    await settled()
    assert all(one.cancelled() for one in waiting)


async def test_a_group_keeps_to_its_rate_and_replies_go_before_progress(
    clock: ManualClock, door: RecordingDoor, outbox: Outbox
) -> None:
    door.chat_rates["test:-1"] = Rate(count=19, seconds=60)
    for _ in range(120):
        for card in range(10):
            outbox.progress("test:-1", card, _message(f"at {clock.monotonic()}"))
        await _passes(clock, 1)
    before = clock.monotonic()
    reply = asyncio.ensure_future(outbox.send("test:-1", _message("reply")))
    await _passes(clock, 2)
    assert reply.done()  # progress had left room for it
    assert door.times("send")[0] - before < 1
    moments = sorted(door.times("edit") + door.times("send"))
    assert len(moments) > 30
    assert all(after - before >= 60 for before, after in zip(moments, moments[19:], strict=False))


async def test_all_chats_together_keep_to_the_doors_rate(clock: ManualClock) -> None:
    door = RecordingDoor(clock)
    door.rate = Rate(count=27, seconds=1)
    outbox = Outbox(door, clock)
    sent = [asyncio.ensure_future(outbox.send(f"test:{chat}", _message("hello"))) for chat in range(200)]
    await _passes(clock, 12, 0.1)
    assert all(one.done() for one in sent)
    moments = door.times("send")
    assert all(after - before >= 1 - 1e-6 for before, after in zip(moments, moments[27:], strict=False))
    assert moments[-1] <= 9
    await outbox.close()


async def test_a_private_chat_has_its_burst_at_once_and_then_waits(clock: ManualClock, door: RecordingDoor) -> None:
    door.chat_rates["test:1"] = Rate(count=5, seconds=5)
    outbox = Outbox(door, clock)
    sent = [asyncio.ensure_future(outbox.send("test:1", _message(str(n)))) for n in range(7)]
    await settled()
    assert [one.done() for one in sent] == [True] * 5 + [False] * 2
    await _passes(clock, 6)
    assert door.texts() == [str(n) for n in range(7)]
    await outbox.close()
