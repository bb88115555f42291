"""Which of a person's machines have a file: all that are connected are asked at once, each for a bounded time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from head.errors import DataRefused, HayrideError
from ray_jobs.spec import DataFacts, ProblemCode

log = logging.getLogger(__name__)

#: Machines that are asked at the same time.
AT_ONCE = 8
#: Seconds that a machine has to answer; a cold worker on a slow machine takes most of it.
LOOK_TIME = 45.0
_NOT_THERE = {ProblemCode.FILE_MISSING, ProblemCode.OUTSIDE_ALLOWED}


@dataclass(frozen=True, kw_only=True)
class DataPlaces:
    """Where a file was looked for."""

    found: tuple[str, ...] = ()  #: ids of the machines that have it, be it a good table or not
    facts: DataFacts | None = None  #: where exactly one has it, and it is a table
    without: tuple[str, ...] = ()  #: names of the machines that do not have it
    silent: tuple[str, ...] = ()  #: names of those that are away, or did not answer


async def look(
    machines: Mapping[str, str],
    away: tuple[str, ...],
    inspect: Callable[[str], Awaitable[DataFacts]],
    *,
    seconds: float = LOOK_TIME,
) -> DataPlaces:
    """Asks `machines`, names by id, by `inspect(id)`; `away` are names of machines that cannot be asked."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(place: str) -> DataFacts | DataRefused | None:
        try:
            async with turns, asyncio.timeout(seconds):
                return await inspect(place)
        except DataRefused as refused:
            return refused
        except (HayrideError, TimeoutError) as error:
            log.info("machine %s was left out of a search: %s", place, error)
            return None

    answers = dict(zip(machines, await asyncio.gather(*map(ask, machines)), strict=True))
    without = {id for id, it in answers.items() if isinstance(it, DataRefused) and it.problem.code in _NOT_THERE}
    found = tuple(id for id, it in answers.items() if it is not None and id not in without)
    facts = answers[found[0]] if len(found) == 1 else None
    return DataPlaces(
        found=found,
        facts=facts if isinstance(facts, DataFacts) else None,
        without=tuple(name for id, name in machines.items() if id in without),
        silent=(*away, *(name for id, name in machines.items() if answers[id] is None)),
    )
