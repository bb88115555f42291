"""What machines say, in the reader's language. Machines and the control plane speak English, with values in it; their
sentences are known as templates (bot.machine_sentences), and a sentence that fits one is said again in the reader's
words. What fits none stays English.
"""

from __future__ import annotations

import re
from functools import cache

from bot import amounts
from bot.language import ENGLISH, spoken, tr
from bot.machine_sentences import SENTENCES

_FIGURES = r"[\d,.]*\d"
_COUNTS = {"n", "n2"}
_SHARES = {"after", "before", "share"}
#: Holes whose content is the machine's words, not a name that somebody gave.
_PHRASES = {"besides", "classes", "files", "how", "kind", "model", "rows", "step", "tests"}


def heard(message: str) -> str:
    """The machine's words in the reader's language where they are known, else as they are."""
    return translated(message) or message


def translated(message: str) -> str | None:
    """The machine's words in the reader's language; None where there is nothing to put them into, or no way."""
    if spoken() == ENGLISH:
        return None
    whole = _sentence(message)
    if whole is not None:
        return whole
    parts = [_sentence(part) for part in re.split(r"(?<=\.) ", message)]
    known = [part for part in parts if part is not None]
    return " ".join(known) if len(known) == len(parts) else None


def _sentence(message: str) -> str | None:
    for sentence, pattern in _patterns():
        match = pattern.fullmatch(message)
        if match is not None:
            return tr(sentence, **{name: _value(name, value) for name, value in match.groupdict().items()})
    return None


def _value(name: str, value: str) -> str:
    if name in _COUNTS or (name in _SHARES and re.fullmatch(rf"{_FIGURES} %", value)):
        return amounts.figures(value)
    if name not in _PHRASES:
        return value
    return _sentence(value) or "; ".join(_sentence(part) or part for part in value.split("; "))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The longest first: where two fit, the one that says more itself."""
    ordered = sorted(SENTENCES, key=lambda it: -len(re.sub(r"\{\w+\}", "", it)))
    return tuple((it, re.compile(_pattern(it), re.DOTALL)) for it in ordered)


def _pattern(sentence: str) -> str:
    parts = re.split(r"\{(\w+)\}", sentence)
    holes = [f"(?P<{name}>{_FIGURES if name in _COUNTS else '.*?'})" for name in parts[1::2]]
    return "".join(re.escape(part) + hole for part, hole in zip(parts[::2], [*holes, ""], strict=True))
