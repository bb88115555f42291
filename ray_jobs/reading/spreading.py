"""A sample of text from all over the files of a table, not only their heads: a sorted file would mislead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.random import Generator

from ray_jobs.reading.blocks import Block, TextPart

#: One look into a file reads so much; 10 MB in pieces of 64 KB are 160 places.
_PIECE = 64 << 10
#: A packed file can't be sought in. So much of its text is unpacked for a sample, 5 to 20 s of work.
_PACKED_LIMIT = 2 << 30


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Records from all over, in their order."""

    blocks: tuple[tuple[int, Block], ...]  #: each with the number of its part
    whole: bool  #: these are all records
    total: int  #: bytes of text in all parts, estimated where they are packed and long

    @property
    def bytes(self) -> int:
        return sum(len(block.text) for _, block in self.blocks)


def spread(parts: Sequence[TextPart], wanted: int, seed: int) -> Spread:
    """About `wanted` bytes of records, or all of them where there are few more. Raises Refused."""
    random = np.random.default_rng(seed)
    if not all(part.seekable for part in parts):
        return _thinned(parts, wanted, random)
    size = sum(part.size for part in parts)
    if size <= 1.25 * wanted:
        blocks = tuple(_all_blocks(parts))
        return Spread(blocks=blocks, whole=True, total=sum(len(block.text) for _, block in blocks))
    return Spread(
        blocks=tuple(_sought(parts, wanted, size, random)),
        whole=False,
        total=sum(part.text_bytes for part in parts),
    )


def _sought(parts: Sequence[TextPart], wanted: int, size: int, random: Generator) -> list[tuple[int, Block]]:
    places = max(1, wanted // _PIECE)
    length = wanted // places
    # One place in each of equal stretches; the first at the very beginning.
    starts = (np.arange(places) * size / places + random.random(places) * (size / places - length)).astype(np.int64)
    starts[0] = 0
    blocks: list[tuple[int, Block]] = []
    before = 0
    for number, part in enumerate(parts):
        inside = starts[(starts >= before) & (starts < before + part.size)] - before
        if len(inside):
            blocks += [(number, block) for block in part.pieces(inside.tolist(), length)]
        before += part.size
    # Where a record is very long no piece may hold one.
    return blocks or list(islice(_all_blocks(parts), 1))


def _thinned(parts: Sequence[TextPart], wanted: int, random: Generator) -> Spread:
    """Reads through, and of the pieces of all blocks keeps every second, fourth, eighth, the more there are."""
    places = max(1, wanted // _PIECE)
    whole: list[tuple[int, Block]] | None = []
    kept: list[tuple[int, Block]] = []
    step, seen, total = 1, 0, 0
    for number, block in _all_blocks(parts):
        total += len(block.text)
        new = [(number, block)]
        if whole is not None:
            whole += new
            if total <= 1.25 * wanted:
                continue
            new, whole = whole, None
        for origin, text in new:
            for piece in parts[origin].cuttings(text, random, _PIECE):
                if seen % step == 0:
                    kept.append((origin, piece))
                seen += 1
        if len(kept) > 2 * places:
            kept, step = kept[::2], 2 * step
        if total > _PACKED_LIMIT:
            read = sum(part.size for part in parts[:number]) + parts[number].consumed
            total = int(total * sum(part.size for part in parts) / max(1, read))
            break
    return Spread(blocks=tuple(kept if whole is None else whole), whole=whole is not None, total=total)


def _all_blocks(parts: Sequence[TextPart]) -> Iterator[tuple[int, Block]]:
    for number, part in enumerate(parts):
        for block in part.blocks():
            yield number, block
