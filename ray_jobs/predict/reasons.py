"""Which columns mattered most for a row: each in turn is replaced by what was usual in training.

This is occlusion, one column at a time: it works with any model and says what this model does with this row. It does
not say what would happen in the world, and of two columns that say the same each can look as if it did not matter.
Usual is the median, of categories the commonest, of free text a gap. The number is what the value as it stands adds
to the answer: to the probability of the predicted class, or to the predicted number.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.manifest import Manifest, Seen
from ray_jobs.models import FittedModel, Floats
from ray_jobs.predict.answers import scores_of
from ray_jobs.problems import clip
from ray_jobs.schema import Column

#: The first rows of a table get reasons; fewer, where many columns would make too many answers.
_MOST_ROWS, _MOST_ANSWERS = 10_000, 2_000_000
_FEWEST_ROWS = 100
#: Rows that get theirs at a time; between two times the clock is looked at.
_STRIDE = 1000
#: What the model is asked about at once, in values.
_MOST_CELLS = 1_000_000
_MOST_CHARACTERS = 60
_LEAST = 0.005


class Reasons:
    """The reasons of the first rows, as many as the time is enough for."""

    def __init__(
        self, model: FittedModel, manifest: Manifest, count: int, threshold: float | None, seconds: float
    ) -> None:
        seen = {column.name: column for column in manifest.seen}
        self._model, self._count, self._threshold = model, count, threshold
        self._usual = [(column, usual_value(column, seen.get(column.name))) for column in manifest.columns]
        self._is_number = manifest.classes is None
        self.most_rows = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_ANSWERS // len(manifest.columns)))
        self._at_once = max(_STRIDE, _MOST_CELLS // len(manifest.columns))
        self._seconds = seconds
        self.rows = 0  #: that have had their reasons

    def of(self, frame: pd.DataFrame, outputs: Floats) -> list[list[str]]:
        """For each reason, the most important first, one text for each row; "" where there is none (any more)."""
        columns: list[list[str]] = [[] for _ in range(self._count)]
        rows = min(len(frame), self.most_rows - self.rows)
        begun = time.monotonic()
        for begin in range(0, rows, _STRIDE):
            if self._seconds <= 0:
                break
            part = slice(begin, min(begin + _STRIDE, rows))
            for column, more in zip(columns, self._of_some(frame.iloc[part], outputs[part]), strict=True):
                column += more
            begun, spent = time.monotonic(), time.monotonic() - begun
            self._seconds -= spent
        self.rows += len(columns[0])
        return [column + [""] * (len(frame) - len(column)) for column in columns]

    def _of_some(self, frame: pd.DataFrame, outputs: Floats) -> list[list[str]]:
        columns = [[""] * len(frame) for _ in range(self._count)]
        frame = frame.reset_index(drop=True)
        effects = self._effects(frame, outputs)
        order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, : self._count]
        least = _LEAST if not self._is_number else 0.0
        for place in range(order.shape[1]):
            for row, position in enumerate(order[:, place].tolist()):
                effect = float(effects[row, position])
                if abs(effect) > least:
                    columns[place][row] = self._told(frame, row, position, effect)
        return columns

    def _effects(self, frame: pd.DataFrame, outputs: Floats) -> Floats:
        """(rows, columns): how much the answer loses without the value."""
        scores, codes = scores_of(outputs, self._threshold)
        effects = np.zeros((len(frame), len(self._usual)))
        waiting: list[tuple[int, NDArray[np.int64], pd.DataFrame]] = []
        asked = 0
        for position, (column, usual) in enumerate(self._usual):
            rows = np.flatnonzero(_differs(frame[column.name], usual))
            if not len(rows):
                continue
            waiting.append((position, rows, _replaced(frame.iloc[rows], column, usual)))
            asked += len(rows)
            if asked >= self._at_once:
                self._ask(waiting, scores, codes, effects)
                waiting, asked = [], 0
        self._ask(waiting, scores, codes, effects)
        return effects

    def _ask(
        self,
        waiting: list[tuple[int, NDArray[np.int64], pd.DataFrame]],
        scores: Floats,
        codes: NDArray[np.int64] | None,
        effects: Floats,
    ) -> None:
        if not waiting:
            return
        found = self._model.outputs(pd.concat([frame for _, _, frame in waiting], ignore_index=True))
        begin = 0
        for position, rows, _ in waiting:
            part = found[begin : begin + len(rows)]
            begin += len(rows)
            without = part if codes is None else part[np.arange(len(rows)), codes[rows]]
            effects[rows, position] = scores[rows] - without

    def _told(self, frame: pd.DataFrame, row: int, position: int, effect: float) -> str:
        column, _ = self._usual[position]
        told = f"{effect:+.3g}" if self._is_number else f"{effect:+.2f}"
        return f"{clip(column.name, _MOST_CHARACTERS)}={_shown(frame[column.name].iloc[row])} ({told})"


def usual_value(column: Column, seen: Seen | None) -> object:
    """What stands for a column that is taken away; None is a gap."""
    if seen is None or column.kind == "text":
        return None
    if seen.quantiles:
        median = seen.quantiles[len(seen.quantiles) // 2]
        return pd.Timestamp(0) + pd.Timedelta(seconds=median) if column.kind == "date" else median
    if seen.categories:
        name = seen.categories[0][0]
        return float(name == "true") if column.kind == "boolean" else name
    return None


def _differs(values: pd.Series, usual: object) -> NDArray[np.bool_]:
    if usual is None:
        return values.notna().to_numpy()
    same: NDArray[np.bool_] = (values == usual).to_numpy(dtype=bool, na_value=False)
    return ~same


def _replaced(frame: pd.DataFrame, column: Column, usual: object) -> pd.DataFrame:
    values = frame[column.name]
    if pd.api.types.is_integer_dtype(values.dtype):
        values = values.astype(np.float64)
    gone = pd.Series([pd.NaT if usual is None and column.kind == "date" else usual] * len(frame), index=frame.index)
    return frame.assign(**{column.name: gone.astype(values.dtype)})


def _shown(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return str(value.date()) if value == value.normalize() else str(value)
    if isinstance(value, float | int | np.floating | np.integer):
        return f"{float(value):.10g}"
    return clip(" ".join(str(value).split()), _MOST_CHARACTERS)
