"""How often something may be done, counted over a sliding span."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from head.api import Clock


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `count` times in any `seconds`."""

    count: int
    seconds: float


class Pace:
    """Holds one rate. What is not urgent leaves a third of it to what is."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._done: deque[float] = deque()  #: monotonic seconds, oldest first

    def wait(self, *, urgent: bool) -> float:
        """Seconds until it may be done; 0 for now."""
        count = self._rate.count if urgent else max(1, self._rate.count * 2 // 3)
        now = self._clock.monotonic()
        while self._done and self._done[0] <= now - self._rate.seconds:
            self._done.popleft()
        if len(self._done) < count:
            return 0.0
        return self._done[-count] + self._rate.seconds - now

    def note(self) -> None:
        """It is done now."""
        self._done.append(self._clock.monotonic())
