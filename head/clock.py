"""Time, passed in wherever logic depends on it, so that a test never waits."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the control plane knows of time."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, in UTC: for what people see and what is stored."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back: for deadlines."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
