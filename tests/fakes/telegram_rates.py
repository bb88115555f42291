"""How many messages Telegram lets a bot send: 30 a second in all, 20 a minute in a group, in a private chat 1 a second
on the average of 5 (it says that short bursts may pass). It counts by itself, so it finds a bot that counts wrongly.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable

from tests.fakes.telegram_checks import Refused

ALL, GROUP, PRIVATE = (30, 1.0), (20, 60.0), (5, 5.0)


class Rates:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: defaultdict[int | None, deque[float]] = defaultdict(deque)

    def take(self, chat: int) -> None:
        """Notes a message or a redraw for a chat. Raises Refused where it is one too many; that one does not count."""
        now = self._clock()
        spans = {None: ALL, chat: GROUP if chat < 0 else PRIVATE}
        for key, (count, seconds) in spans.items():
            sent = self._sent[key]
            while sent and sent[0] <= now - seconds:
                sent.popleft()
            if len(sent) >= count:
                wait = max(1, math.ceil(sent[0] + seconds - now))
                raise Refused(429, f"Too Many Requests: retry after {wait}", wait)
        for key in spans:
            self._sent[key].append(now)
