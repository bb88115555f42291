"""How often something may be done, counted over a sliding span."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from head.api import Clock

#: Seconds until the next look, where all that counts is on its way.
_SOON = 0.05


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `count` times in any `seconds`."""

    count: int
    seconds: float


class Pace:
    """Holds one rate. What is not urgent leaves a third of it to what is.

    The far side counts when something arrives there, which is some time between our sending it and its answer: so it
    counts from the one to `seconds` after the other.
    """

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._running = 0
        self._done: deque[float] = deque()  #: monotonic seconds of answers, oldest first

    def wait(self, *, urgent: bool) -> float:
        """Seconds until it may be done, as far as is known; 0 for now."""
        count = self._rate.count if urgent else max(1, self._rate.count * 2 // 3)
        now = self._clock.monotonic()
        while self._done and self._done[0] <= now - self._rate.seconds:
            self._done.popleft()
        over = len(self._done) + self._running - count
        if over < 0:
            return 0.0
        return self._done[over] + self._rate.seconds - now if over < len(self._done) else _SOON

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Around doing it."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._done.append(self._clock.monotonic())
