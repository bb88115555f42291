"""Names from files, made fit to be shown beside other words."""

from __future__ import annotations

import unicodedata

from ray_jobs.problems import clip

#: They turn the reading direction of what follows, so that a name could disguise itself or its neighbours.
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))


def plain(text: str, limit: int = 256) -> str:
    """`text` on one line without what is no letter: control characters, half surrogates, turns of direction."""
    clipped = clip(" ".join(text[: 4 * limit].split()), limit)
    return "".join(letter for letter in clipped if letter not in _TURNING and not _is_control(letter))


def label(text: str, limit: int = 256) -> str:
    """The same, and something to point at where nothing is left."""
    return plain(text, limit) or "(no name)"


def _is_control(letter: str) -> bool:
    if unicodedata.category(letter) in ("Cc", "Cs"):
        return True
    code = ord(letter)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # what Unicode will never give a meaning
