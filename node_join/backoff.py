"""How long to wait before the next attempt: doubling, jittered, capped, without end."""

from __future__ import annotations

import random


class Backoff:
    """Seconds between attempts. The jitter keeps the machines of a restarted server from coming back all at once."""

    def __init__(self, chance: random.Random, *, first: float = 0.5, cap: float = 30.0) -> None:
        self._chance = chance
        self._first = first
        self._cap = cap
        self._next = first

    def wait(self) -> float:
        """The next wait: between half and all of the step, which never exceeds the cap."""
        step = self._next
        self._next = min(step * 2, self._cap)
        return step * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked: the next failure waits shortly again."""
        self._next = self._first
