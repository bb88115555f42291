"""The real clock and the one of the tests keep the same promises."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from head.clock import Clock, ManualClock, SystemClock


@pytest.fixture(params=[SystemClock, ManualClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


async def _let_pass(clock: Clock, seconds: float) -> None:
    if isinstance(clock, ManualClock):
        await asyncio.sleep(0)  # who wants to sleep lies down first
        clock.advance(seconds)


async def test_sleeping_takes_at_least_as_long_as_asked(clock: Clock) -> None:
    before, wall = clock.monotonic(), clock.now()
    sleeper = asyncio.create_task(clock.sleep(0.02))
    await _let_pass(clock, 0.02)
    await asyncio.wait_for(sleeper, 5)
    assert clock.monotonic() - before >= 0.02
    assert clock.now() > wall


async def test_now_is_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


async def test_a_cancelled_sleeper_is_forgotten(clock: Clock) -> None:
    sleeper = asyncio.create_task(clock.sleep(0.01))
    await asyncio.sleep(0)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    await _let_pass(clock, 1)


async def test_no_time_is_one_turn_of_the_loop(clock: Clock) -> None:
    await asyncio.wait_for(clock.sleep(0), 5)
