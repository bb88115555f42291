"""A bot with its in-memory control plane, and what tests of it share."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.callbacks import Verb, pack
from bot.console_door import ConsoleDoor
from bot.messages import Button
from bot.service import Bot
from head.api import ChatSettings, JobStatus, JobView, PredictResult, Progress, TrainResult
from head.clock import Clock, SystemClock
from ray_jobs.spec import Preview
from tests.support.doors import settled
from tests.support.in_memory_folders import HOME
from tests.support.in_memory_head import CHURN, InMemoryHead

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


def trained(model_id: str = "model1234567") -> TrainResult:
    return TrainResult(
        model_id=model_id, model="hist_gradient_boosting", task="classification", target="churned", rows_train=5282,
        rows_test=1761, metrics={"accuracy": 0.861, "roc_auc": 0.9}, features=("age", "plan", "months"),
        baseline_metrics={"accuracy": 0.735, "roc_auc": 0.5}, classes=("no", "yes"), pictures=("roc.png",),
        train_seconds=3.2,
    )  # fmt: skip


def predicted(model_id: str = "model1234567") -> PredictResult:
    return PredictResult(
        model_id=model_id, path="~/.local/share/hayride/results/new.csv.predictions.csv",
        file="new.csv.predictions.csv", rows=3, counts={"no": 2, "yes": 1}, predict_seconds=0.4,
        preview=Preview(columns=("prediction", "age"), rows=(("no", "41"), ("yes", "18"))),
    )  # fmt: skip


def progress(step: str, fraction: float | None = None, n: int = 2) -> Progress:
    return Progress(n=n, at=0.0, step=step, fraction=fraction)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Polls; fails where it takes too long."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@dataclass(kw_only=True)
class Terminal:
    """A person at the console: types lines and reads what was printed since."""

    head: InMemoryHead
    person_id: str
    bot: Bot
    door: ConsoleDoor
    out: io.StringIO
    lines: asyncio.Queue[str | None]
    running: asyncio.Task[int]
    _read: int = 0

    async def types(self, line: str) -> str:
        """Everything that is printed until the line after this one would be read."""
        self.lines.put_nowait(line)
        await self.lines.join()
        return self.prints()

    def labels(self) -> list[str]:
        """Of the buttons below what was shown last."""
        return [button.label for button, _ in self.door._buttons]

    async def press(self, label: str) -> str:
        """The button of that label below what was shown last."""
        return await self.types(f"#{self.labels().index(label) + 1}")

    async def pressed(self, verb: Verb, id: str, choice: str = "") -> str:
        """A button of that kind, whatever is shown."""
        self.door._buttons = [(Button(label="x", callback=pack(verb, id, 0, choice)), 1)]
        return await self.types("#1")

    def prints(self) -> str:
        """What was printed since the last look."""
        printed = self.out.getvalue()[self._read :]
        self._read += len(printed)
        return printed

    async def ends(self) -> int:
        self.lines.put_nowait(None)
        async with asyncio.timeout(10):
            return await self.running

    def job(self) -> JobView:
        """The newest job."""
        return list(self.head._jobs.values())[-1]

    def run_job(self, **changes: object) -> JobView:
        return self.head.set_job(self.job().id, status=JobStatus.RUNNING, started=self.head.clock.now(), **changes)


@asynccontextmanager
async def terminal(
    files: Path, clock: Clock | None = None, head: InMemoryHead | None = None, *, language: str = ""
) -> AsyncIterator[Terminal]:
    """A console chat; `~/churn.csv` lies wherever it is looked for. `language`: what the person chose."""
    clock = clock or SystemClock()
    names = ("~/churn.csv", "churn.csv", "~/new.csv", f"{HOME}/churn.csv", f"{HOME}/new.csv", f"{HOME}/sales")
    head = head or InMemoryHead(clock=clock, files=dict.fromkeys(names, CHURN))
    bot = Bot(head, clock=clock, settings=ChatSettings(files=files))
    person = await head.prefer((await head.local_person()).id, language=language)
    out, queue = io.StringIO(), asyncio.Queue[str | None]()
    door = ConsoleDoor(bot, person, lines=queue, out=out)
    bot.attach(door)
    bot.start()
    running = asyncio.create_task(door.run())
    await settled()  # it has looked for what an earlier process left
    try:
        yield Terminal(
            head=head, person_id=person.id, bot=bot, door=door, out=out, lines=queue, running=running
        )  # fmt: skip
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bot.close()
