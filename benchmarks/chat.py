"""200 people at once on Telegram, on the real control plane, while three jobs train: `python -m benchmarks.chat`.

python-telegram-bot asks the strict fake Telegram of the tests over HTTP, and answers through it; the store is SQLite,
the jobs run in a real pool on the same cores, and their cards are live in their owner's chat. A reply's time is told
from outside: from the moment the update is there to be fetched until the fake has the answer, so HTTP and the fake's
own work count too.
- talking: everybody sends five lines at random moments, 20 a second in all, of the 30 that Telegram lets a bot answer;
- at once: everybody sends a line in the same moment; when the last one is answered is up to Telegram's limit.

Prints a table and keeps it in benchmarks/results/. With `--no-jobs` nothing trains and nothing is kept.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.page import tell
from bot.telegram_door import run
from head.api import HEAD, ChatSettings, JobStatus, TrainSpec
from head.clock import SystemClock
from head.service import ControlPlane
from head.settings import LimitSettings, PoolSettings, Settings
from tests.fakes.telegram import TOKEN, FakeTelegram, Person, Room, Shown
from tests.support.tables import write_tables

PEOPLE, LINES, A_SECOND = 200, 5, 20
JOBS = 3
ADMIN = 1
COMMANDS = ("/start", "/jobs", "/models", "/worker", "/help")


class TimedTelegram(FakeTelegram):
    """Says when each person was last answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: dict[int, asyncio.Future[float]] = {}

    def _put(self, room: Room, shown: Shown, arguments: dict[str, Any]) -> dict[str, Any]:
        waiting = self.answered.pop(room.id, None)
        if waiting is not None:
            waiting.set_result(time.perf_counter())
        return super()._put(room, shown, arguments)

    async def ask(self, person: Person, line: str) -> float:
        """Seconds until the answer is there."""
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.answered[person.id] = answered
        begun = time.perf_counter()
        person.says(line)
        return await answered - begun


async def talking(telegram: TimedTelegram, people: list[Person]) -> list[float]:
    chance = random.Random(1)
    seconds = PEOPLE * LINES / A_SECOND

    async def one(person: Person) -> list[float]:
        times = []
        for line in range(LINES):
            await asyncio.sleep(chance.uniform(0.5, 1.5) * seconds / LINES if line else chance.uniform(0, 10))
            times.append(await telegram.ask(person, chance.choice(COMMANDS)))
        return times

    return [each for times in await asyncio.gather(*map(one, people)) for each in times]


async def jobs(plane: ControlPlane, person: str, folder: Path) -> None:
    """Starts three that go on for as long as they are let; returns when all of them run."""
    data = await plane.send_file(person, write_tables(folder / "tables").train)
    spec = TrainSpec(data=data, target="diagnosis", model="random_forest", parameters={"n_estimators": 10_000})
    for number in range(JOBS):
        await plane.submit(person, spec, HEAD, request=f"long{number}")
    async with asyncio.timeout(120):
        while await running(plane, person) < JOBS:  # noqa: ASYNC110 - of three jobs at once nobody tells
            await asyncio.sleep(0.2)


async def running(plane: ControlPlane, person: str) -> int:
    return sum(job.status is JobStatus.RUNNING for job in await plane.jobs(person, limit=JOBS))


async def measure(folder: Path, *, busy: bool) -> list[tuple[str, str, str]]:
    settings = Settings(
        data_dir=folder / "server", listen_port=0, admins=(ADMIN,), limits=LimitSettings(running=JOBS),
        pool=PoolSettings(cpus=JOBS),
    )  # fmt: skip
    clock = SystemClock()
    plane = await ControlPlane.open(settings, clock, telegram=True)
    telegram = TimedTelegram()
    await telegram.start()
    door: asyncio.Task[int] | None = None
    try:
        await plane.serve()
        boss = (await plane.person_for_telegram(ADMIN, telegram.person(ADMIN, "Boss").name)).id
        people = [telegram.person(1000 + number, f"Person {number}") for number in range(PEOPLE)]
        for person in people:
            await plane.admit(boss, (await plane.person_for_telegram(person.id, person.name)).id, True)
        if busy:
            await jobs(plane, boss, folder)
        chat = ChatSettings(files=folder / "files", telegram_token=TOKEN, telegram_base_url=telegram.url)
        door = asyncio.create_task(run(plane, chat, clock))
        await telegram.ask(people[0], "/start")
        await asyncio.sleep(5)
        times = sorted(await talking(telegram, people))
        talked = len(telegram.calls)
        still = await running(plane, boss)
        await asyncio.sleep(5)
        begun = time.perf_counter()
        await asyncio.gather(*(telegram.ask(person, "/jobs") for person in people))
        burst = time.perf_counter() - begun
        for job in await plane.jobs(boss, limit=JOBS):
            await plane.cancel(boss, job.id)
    finally:
        if door is not None:
            door.cancel()
            await asyncio.gather(door, return_exceptions=True)
        await plane.close(stop_pools=True)
        await telegram.stop()
    refused = sum("Too Many Requests" in said for _, said in telegram.refusals)
    tail = quantiles(times, n=100)
    return [
        ("a reply, talking", f"{median(times) * 1000:.0f} ms", f"median of {len(times)}; aim 100"),
        ("", f"{tail[94] * 1000:.0f} ms", f"95 of 100; the slowest {times[-1] * 1000:.0f} ms"),
        ("all answered, at once", f"{burst:.1f} s", f"{PEOPLE} at 27 a second are {PEOPLE / 27:.1f} s"),
        ("429 of the fake", f"{refused}", f"of {len(telegram.calls)} calls, {talked} of them talking; aim 0"),
        ("other refusals", f"{len(telegram.refusals) - refused}", "aim 0"),
        ("jobs that ran meanwhile", f"{still}", "in one pool, on the same cores"),
    ]


def main() -> None:
    busy = "--no-jobs" not in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="hc", dir="/tmp") as folder:
        rows = asyncio.run(measure(Path(folder), busy=busy))
    tell("chat", rows, "python-telegram-bot", more=f"; {PEOPLE} people", keep=busy)


if __name__ == "__main__":
    main()
