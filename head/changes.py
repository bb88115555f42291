"""Tells those who listen that something of a person's changed.

A slow reader gets the newest of each subject, never a backlog.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from head.api import Change


class Changes:
    """A hub without memory: a change is only a hint to look again, so equal hints that wait are one."""

    def __init__(self) -> None:
        self._readers: set[_Reader] = set()
        self._closed = False

    def publish(self, change: Change) -> None:
        for reader in self._readers:
            reader.put(change)

    def close(self) -> None:
        """Ends every iterator once it has handed out what waits."""
        self._closed = True
        for reader in self._readers:
            reader.wake.set()

    def listen(self) -> AsyncIterator[Change]:
        """Every change from this call on; the subscription begins now, not at the first `anext`."""
        reader = _Reader()
        self._readers.add(reader)
        return self._iterate(reader)

    async def _iterate(self, reader: _Reader) -> AsyncIterator[Change]:
        try:
            while True:
                while reader.waiting:
                    yield reader.take()
                if self._closed:
                    return
                reader.wake.clear()
                await reader.wake.wait()
        finally:
            self._readers.discard(reader)


class _Reader:
    def __init__(self) -> None:
        self.waiting: dict[Change, None] = {}  # ordered, without doubles
        self.wake = asyncio.Event()

    def put(self, change: Change) -> None:
        self.waiting[change] = None
        self.wake.set()

    def take(self) -> Change:
        change = next(iter(self.waiting))
        del self.waiting[change]
        return change
