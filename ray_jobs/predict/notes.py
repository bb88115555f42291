"""What a person should know about a prediction: few lines, the most important first."""

from __future__ import annotations

from enum import IntEnum

from ray_jobs.problems import clip

_MOST = 20
_MOST_OF_A_WEIGHT = 6


class Weight(IntEnum):
    """How much a note matters: the smaller, the more."""

    MODEL = 0  #: the model itself is not what it was
    COLUMNS = 1  #: which columns were taken, and which are not there
    VALUES = 2  #: values that count as missing
    UNSEEN = 3  #: categories that training never saw
    GAPS = 4  #: more is missing than in training
    DRIFT = 5
    RANGE = 6  #: values outside the range seen
    READING = 7
    SCORE = 8  #: what the score is of
    ASIDE = 9  #: how to read the result


class Notes:
    """Collects them."""

    def __init__(self) -> None:
        self._lines: list[tuple[Weight, str]] = []

    def add(self, weight: Weight, text: str) -> None:
        self._lines.append((weight, " ".join(text.split())))

    def told(self) -> tuple[str, ...]:
        """At most 20 lines, and of one weight at most six, the last of which counts the rest."""
        lines: list[str] = []
        for weight in Weight:
            alike = list(dict.fromkeys(text for at, text in self._lines if at is weight))
            shown = alike if len(alike) <= _MOST_OF_A_WEIGHT else alike[: _MOST_OF_A_WEIGHT - 1]
            lines += shown
            if rest := len(alike) - len(shown):
                lines.append(f"The same is true of {rest} more columns.")
        return tuple(clip(line, 2000) for line in lines[:_MOST])
