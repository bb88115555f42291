"""What machines say, in the reader's language. Machines and the control plane speak English, with values in it; their
sentences are known here as templates, and a sentence that fits one is said again in the reader's words.
"""

from __future__ import annotations

import re
from functools import cache

from bot import amounts
from bot.language import ENGLISH, N_, spoken, tr

_FIGURES = re.compile(r"-?\d[\d,]*(\.\d+)?( ?%)?")

SENTENCES: tuple[str, ...] = (N_("The disk is full."),)


def heard(message: str) -> str:
    """The machine's sentence in the reader's language where it is known, else as it is."""
    return translated(message) or message


def translated(message: str) -> str | None:
    """The machine's sentence in the reader's language; None where there is nothing to put it into, or no way."""
    if spoken() == ENGLISH:
        return None
    for sentence, pattern in _patterns():
        match = pattern.fullmatch(message)
        if match is not None:
            return tr(sentence, **{name: _local(value) for name, value in match.groupdict().items()})
    return None


def _local(value: str) -> str:
    return amounts.figures(value) if _FIGURES.fullmatch(value) else value


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The longest first: where two fit, the one that says more itself."""
    ordered = sorted(SENTENCES, key=lambda it: -len(re.sub(r"\{\w+\}", "", it)))
    return tuple((it, re.compile(_pattern(it), re.DOTALL)) for it in ordered)


def _pattern(sentence: str) -> str:
    parts = re.split(r"\{(\w+)\}", sentence)
    return "".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
