"""Agents that outlive control planes, behind a pool that is not there; and time that passes quickly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from head.errors import JobRefused, NotFoundError
from ray_jobs.spec import (
    Accepted,
    Cancelled,
    Candidate,
    ColumnFacts,
    CompareResult,
    CompareSpec,
    Completed,
    Data,
    DataFacts,
    Event,
    Work,
    is_ending,
)
from tests.support.stored import trained

#: Seconds of the clock for one of the test's.
_PACE = 100.0
#: What the agents compare, a share each.
MODELS = ("lightgbm", "catboost", "ridge", "svm")


class QuickClock:
    """As head.clock.SystemClock, faster."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() * _PACE

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / _PACE)


@dataclass(kw_only=True)
class Agents:
    """What a pool's agents know, by place; `hanging` ones take a part and never end it."""

    hashes: dict[str, str]  #: of the table there, by place
    sizes: dict[str, int] = field(default_factory=dict)  #: bytes of the table, where it is not 10
    hanging: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    begun: list[tuple[str, str, Work]] = field(default_factory=list)  #: job, place, spec; once each
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    looks: list[str] = field(default_factory=list)  #: places whose table was looked at
    _journals: dict[tuple[str, str], list[Event]] = field(default_factory=dict)

    def parts(self) -> dict[str, CompareSpec]:
        """By place."""
        return {place: spec for _, place, spec in self.begun if isinstance(spec, CompareSpec)}

    def endings(self) -> dict[str, str]:
        """Of the parts, by place; the last event's kind."""
        parts = [(job, place) for job, place, spec in self.begun if isinstance(spec, CompareSpec)]
        return {place: self._journals[job, place][-1].kind for job, place in parts}

    def finish(self, place: str) -> None:
        """The part that hangs there is done after all."""
        for job, there, spec in self.begun:
            if there == place and isinstance(spec, CompareSpec):
                self._journals[job, there].append(self._done(place, spec))

    async def forgets(self, job_id: str, place: str) -> None:
        """Returns when the part was acknowledged."""
        async with asyncio.timeout(10):
            while (job_id, place) not in self.acknowledged:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(0.002)

    async def inspect(self, place: str, data: Data, target: str | None) -> DataFacts:
        self.looks.append(place)
        self._reach(place)
        column = ColumnFacts(name="age", kind="number", missing=0, distinct=9)
        return DataFacts(path="a.csv", bytes=self.sizes.get(place, 10), rows=9, columns=(column,))

    async def start_job(self, job_id: str, spec: Work, place: str) -> None:
        self._reach(place)
        if (job_id, place) in self._journals:
            return
        self.begun.append((job_id, place, spec))
        journal: list[Event] = [Accepted(n=1, at=0)]
        self._journals[job_id, place] = journal
        if not isinstance(spec, CompareSpec):
            journal.append(Completed(n=2, at=0, result=trained(f"model{len(self.begun)}", "churn")))
        elif place not in self.hanging:
            journal.append(self._done(place, spec))

    async def events(self, job_id: str, place: str, *, since: int) -> AsyncIterator[Event]:
        journal = self._journals.get((job_id, place), [])
        while journal:
            for event in journal[since:]:
                since = event.n
                yield event
                if is_ending(event):
                    return
            await asyncio.sleep(0.002)

    async def cancel_job(self, job_id: str, place: str) -> bool:
        journal = self._journals.get((job_id, place))
        if journal is None or is_ending(journal[-1]):
            return False
        journal.append(Cancelled(n=len(journal) + 1, at=0))
        return True

    async def acknowledge(self, job_id: str, place: str, n: int) -> None:
        if (job_id, place) not in self._journals:
            raise NotFoundError("no such job")
        self.acknowledged.add((job_id, place))

    def _reach(self, place: str) -> None:
        if place in self.away:
            raise JobRefused("The machine does not answer now.")

    def _done(self, place: str, spec: CompareSpec) -> Completed:
        lines = tuple(
            Candidate(name=model, model=model, loss=0.1 + place_in / 10)
            for place_in, model in enumerate(MODELS)
            if place_in % spec.shares == spec.share
        )
        return Completed(n=2, at=0, result=CompareResult(data_hash=self.hashes[place], leaderboard=lines))
