"""Who is looking at which pool's dashboard: cookies that live in memory and die with the server or after half a day."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

Clock = Callable[[], float]

COOKIE = "hayride-dashboard"


class DashboardSessions:
    """Opaque cookies, kept hashed. Bounded: the oldest is forgotten first."""

    def __init__(self, clock: Clock, *, lifetime: float = 12 * 3600.0, most: int = 1024) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._most = most
        self._pools: dict[bytes, tuple[str, float]] = {}

    def open(self, pool_id: str) -> str:
        """A fresh cookie for this pool."""
        cookie = secrets.token_urlsafe(32)
        self._pools[_hash(cookie)] = (pool_id, self._clock() + self._lifetime)
        while len(self._pools) > self._most:
            del self._pools[next(iter(self._pools))]
        return cookie

    def pool(self, cookie: str | None) -> str | None:
        """The pool that the cookie opens, if any."""
        pool_id, expires = self._pools.get(_hash(cookie or ""), ("", 0.0))
        return pool_id if expires > self._clock() else None


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
