"""Refusals inside ray_jobs: an exception that carries the Problem which the chat will show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ray_jobs.spec import Problem, ProblemCode

_NAME_LIMIT = 256
_TEXT_LIMIT = 2000


class Refused(Exception):
    """The job or inspection cannot be done as asked; `problem` says why. Not a bug of ours."""

    def __init__(
        self, code: ProblemCode, message: str, *, subject: str = "", suggestions: Iterable[str] = (), log_id: str = ""
    ) -> None:
        super().__init__(message)
        self.problem = Problem(
            code=code,
            message=clip(message, _TEXT_LIMIT),
            subject=clip(subject, _TEXT_LIMIT),
            suggestions=tuple(clip(name) for name in suggestions)[:10],
            log_id=log_id,
        )


def clip(text: str, limit: int = _NAME_LIMIT) -> str:
    """`text` in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The `count` names most like `name`, upper and lower case being the same; empty where none is near."""
    by_folded: dict[str, str] = {}
    for candidate in names:
        by_folded.setdefault(candidate.casefold(), candidate)
    close = difflib.get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.6)
    return tuple(by_folded[folded] for folded in close)


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Names for the middle of a sentence: `a, b and 3 more`."""
    names = [f"'{clip(name, 80)}'" for name in names]
    shown, rest = names[:limit], len(names) - limit
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
