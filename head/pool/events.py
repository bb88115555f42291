"""A job's events as a stream that outlives the absence of the machine that makes them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError

from head.pool.driver import Driver, DriverError, NotThere
from ray_jobs.spec import EVENT, is_ending

log = logging.getLogger(__name__)

#: Seconds without an event after which an empty line goes out.
KEEP_ALIVE = 4.0
#: Seconds that the agent itself waits for an event.
WAIT = 20.0
#: Seconds after which a read without an answer is given up and sent again.
GIVE_UP = WAIT + 15.0
_LONGEST_PAUSE = 5.0


async def event_lines(driver: Driver, job_id: str, place: str, since: int) -> AsyncIterator[bytes]:
    """Every event after `since`, one JSON a line, and empty lines in between. Ends after an ending event.

    Ends without one only where the agent does not know the job, or sends what is no event.
    """
    last, pause = since, 0.2
    while True:
        read = asyncio.ensure_future(driver.call(place, "read", job_id, last, WAIT, deadline=GIVE_UP))
        try:
            while not (await asyncio.wait({read}, timeout=KEEP_ALIVE))[0]:
                yield b"\n"
            events = _checked(read.result(), last)
        except NotThere:
            return
        except (ValidationError, TypeError, ValueError) as error:
            log.error("The agent of %s sent no event of %s: %s", place, job_id, error)
            return
        except DriverError as error:
            log.info("Events of %s: %s", job_id, error)
            yield b"\n"
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            continue
        finally:
            read.cancel()
        pause = 0.2
        for last, line, ending in events:  # noqa: B007, last is where the next read goes on
            yield line
            if ending:
                return


def _checked(answer: Any, last: int) -> list[tuple[int, bytes, bool]]:
    """The new events as (number, line, ends the job). Raises ValidationError, or ValueError where one comes twice.

    A number may be missing: of a job that ended and was acknowledged the machine keeps the ending alone.
    """
    found = []
    for data in answer:
        event = EVENT.validate_python(data)
        if event.n <= last:
            raise ValueError(f"event {event.n} after {last}")
        last = event.n
        line = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        found.append((last, line.encode() + b"\n", is_ending(event)))
    return found
