"""Files through the agent: an upload in pieces one way, a job's file in pieces the other way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from head.pool.driver import Driver, DriverError, NotThere

#: Bytes of one piece: few enough to keep the tunnel free for other things.
PIECE = 1024 * 1024
#: Seconds for one piece, over a slow line.
_PIECE_TIME = 120.0


async def send_upload(
    driver: Driver, place: str, upload_id: str, name: str, size: int, content: AsyncIterator[bytes]
) -> dict[str, Any]:
    """{"size"}, or {"problem"} as the agent tells it. Raises a DriverError."""
    await driver.reach(place)
    answer = _object(await driver.call(place, "put_begin", upload_id, name, size, deadline=_PIECE_TIME))
    if "problem" in answer:
        return answer
    async for piece in _pieces(content):
        answer = _object(await driver.call(place, "put_chunk", upload_id, piece, deadline=_PIECE_TIME))
        if "problem" in answer:
            return answer
    return _object(await driver.call(place, "put_end", upload_id, deadline=_PIECE_TIME))


async def file_size(driver: Driver, place: str, job_id: str, name: str) -> int:
    """Bytes of a job's file. Raises NotThere and the other DriverErrors."""
    size = await driver.call(place, "file_size", job_id, name)
    if not isinstance(size, int) or size < 0:
        raise DriverError("The agent told no size.")
    return size


async def file_pieces(driver: Driver, place: str, job_id: str, name: str, size: int) -> AsyncIterator[bytes]:
    """The file's first `size` bytes. Raises a DriverError where it ends before."""
    offset = 0
    while offset < size:
        wanted = min(PIECE, size - offset)
        piece = await driver.call(place, "file_chunk", job_id, name, offset, wanted, deadline=_PIECE_TIME)
        if not isinstance(piece, bytes) or not 0 < len(piece) <= wanted:
            raise NotThere("The file changed while it was read.")
        offset += len(piece)
        yield piece


async def _pieces(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for part in content:
        waiting += part
        while len(waiting) >= PIECE:
            yield bytes(waiting[:PIECE])
            del waiting[:PIECE]
    if waiting:
        yield bytes(waiting)


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise DriverError("The agent gave no answer that is one.")
    return answer
