"""The target column: which task it asks for, and its labels as they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.problems import Refused, clip, nearest
from ray_jobs.spec import Frozen, ProblemCode, Task

Label = bool | int | float | str

#: Whole numbers with more distinct values than this are amounts.
_MOST_CODES = 20
#: Results list every class.
MOST_CLASSES = 1000
FEWEST_ROWS = 10
#: As text this is a number; with a leading zero it is a code.
_WHOLE_NUMBER = r"\s*[+-]?(?:0|[1-9][0-9]*)\s*"
#: Of these each number fits into 64 bits.
_DIGITS = 18


class Classes(Frozen):
    """The labels of a classification, ascending, each of its own type. A model knows them by their position."""

    labels: tuple[Label, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(clip(str(label)) for label in self.labels)

    def encode(self, values: pd.Series) -> NDArray[np.int64]:
        """The positions of `values` among the labels; -1 for what is none of them, and for gaps."""
        positions, distinct = pd.factorize(values)  # -1 for gaps
        known = pd.Index([_key(label) for label in self.labels])
        found = known.get_indexer(pd.Index([_key(value) for value in distinct], dtype=known.dtype))
        return np.append(found, -1)[positions].astype(np.int64)

    def decode(self, codes: NDArray[np.int64]) -> list[Label]:
        return [self.labels[code] for code in codes]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be learned. `values` has one entry for each row whose target is known, by the row's position in
    `rows`.
    """

    task: Task
    rows: NDArray[np.int64]
    values: NDArray[np.float64] | NDArray[np.int64]  #: the number itself, or the class's position
    classes: Classes | None
    warnings: tuple[str, ...]
    name: str = ""  #: of the column


def infer_task(values: pd.Series) -> Task:
    """Classes or a number? `values` are the known values of the target.

    - Text, booleans and dates are classes; durations are numbers of seconds.
    - Numbers with a fraction anywhere are amounts: regression.
    - Whole numbers are classes only where they look like codes: two distinct values; or at most 20, each in at least
      5 rows, and on average in at least 10. So a target such as 3 kinds of flower is classified, and one such as the
      number of children or of points in a small table, where some values are rare, is an amount. The spec's `task`
      overrides; a note in the warnings says what was assumed of whole numbers.
    """
    values = as_amounts(values)
    if values.dtype == bool or not pd.api.types.is_numeric_dtype(values.dtype):
        return "classification"
    return "classification" if _whole(values) and _look_like_codes(values) else "regression"


def as_amounts(column: pd.Series, *, sure: bool = False) -> pd.Series:
    """Durations as seconds; and whole numbers with more digits than a column of whole numbers holds, which are read as
    text, as floats: where they don't look like codes, or are `sure` to be amounts. Any other column as it is.
    """
    column = in_seconds(column)
    known = column.dropna()
    if not len(known) or not pd.api.types.is_string_dtype(known):
        return column
    if not known.str.fullmatch(_WHOLE_NUMBER).all() or not (known.str.len() > _DIGITS).any():
        return column
    return column if not sure and _look_like_codes(known) else column.map(float, na_action="ignore").astype(np.float64)


def in_seconds(column: pd.Series) -> pd.Series:
    """Durations as numbers; any other column as it is."""
    return pd.Series(column.dt.total_seconds()) if pd.api.types.is_timedelta64_dtype(column.dtype) else column


def _look_like_codes(values: pd.Series) -> bool:
    counts = values.value_counts()
    repeated = counts.min() >= 5 and counts.mean() >= 10
    return len(counts) == 2 or (len(counts) <= _MOST_CODES and bool(repeated))


def target_of(frame: pd.DataFrame, name: str, task: Task | None) -> Target:
    """Checks the target column and encodes it. `task`: None infers it. Raises Refused."""
    column = in_seconds(target_column(frame, name))
    if task != "classification":
        written, column = column, as_amounts(column, sure=task == "regression")
        _check_apart(written, column, name)
    known = column.notna().to_numpy()
    if column.dtype.kind == "f":
        known = known & np.isfinite(column.to_numpy(dtype=float))
        _check_finite(column, name)
    values = column[known]
    notes = []
    if gone := int(len(column) - len(values)):
        notes.append(f"{gone} of {len(column)} rows have no value in '{clip(name, 80)}' and were left out.")
    _check_values(values, name)
    values = _plain_type(values, had_gaps=bool(gone))
    chosen = task or infer_task(values)
    rows = np.flatnonzero(known).astype(np.int64)
    if chosen == "regression":
        numbers = _numbers(values, name)
        return Target(
            task=chosen, rows=rows, values=numbers, classes=None, warnings=tuple(notes), name=str(column.name)
        )
    if task is None and pd.api.types.is_integer_dtype(values.dtype):
        notes.append(
            f"'{clip(name, 80)}' has {values.nunique()} different whole numbers; they were taken as classes. "
            "If they are amounts, choose regression."
        )
    classes = _classes(values, name)
    codes = classes.encode(values)
    return Target(task=chosen, rows=rows, values=codes, classes=classes, warnings=tuple(notes), name=str(column.name))


def target_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name. Raises Refused(TARGET_MISSING), with the nearest names."""
    stripped = name.strip()
    if stripped in frame.columns:
        return frame[stripped]
    names = [str(column) for column in frame.columns]
    raise Refused(
        ProblemCode.TARGET_MISSING,
        f"The file has no column '{clip(name, 80)}'.",
        subject=name,
        suggestions=nearest(name, names) or names[:10],
    )


def _check_apart(written: pd.Series, numbers: pd.Series, name: str) -> None:
    if numbers is not written and np.isfinite(numbers).any() and numbers.nunique() == 1 < written.nunique():
        raise Refused(
            ProblemCode.TARGET_CONSTANT,
            f"The numbers in '{clip(name, 80)}' differ only after their first 15 digits, so to a model they are one.",
            subject=name,
        )


def _check_finite(column: pd.Series, name: str) -> None:
    numbers = column.dropna().to_numpy(dtype=float)
    if len(numbers) and not np.isfinite(numbers).any():
        raise Refused(
            ProblemCode.TARGET_EMPTY,
            f"Column '{clip(name, 80)}' holds no number that can be computed with: all are infinite or too large.",
            subject=name,
        )


def _check_values(values: pd.Series, name: str) -> None:
    shown = clip(name, 80)
    if not len(values):
        raise Refused(ProblemCode.TARGET_EMPTY, f"Column '{shown}' has no value in any row.", subject=name)
    if values.nunique() == 1:
        raise Refused(
            ProblemCode.TARGET_CONSTANT,
            f"Column '{shown}' has the same value in every row, so there is nothing to learn.",
            subject=name,
        )
    if len(values) < FEWEST_ROWS:
        raise Refused(
            ProblemCode.TOO_FEW_ROWS,
            f"Only {len(values)} rows have a value in '{shown}'; at least {FEWEST_ROWS} are needed.",
            subject=name,
        )


def _whole(values: pd.Series) -> bool:
    if not pd.api.types.is_float_dtype(values.dtype):
        return True
    return bool((values == values.round()).all()) and bool((values.abs() < 2**53).all())


def _plain_type(values: pd.Series, *, had_gaps: bool) -> pd.Series:
    """The type that the values have of their own: gaps had made whole numbers floats, and booleans objects."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype(bool)
    if values.dtype == object:
        held = pd.api.types.infer_dtype(values)
        if held == "boolean":
            return values.astype(bool)
        if held in ("integer", "floating", "mixed-integer-float", "decimal"):  # numbers too large for a plain type
            return values.astype(np.float64)
    if had_gaps and pd.api.types.is_float_dtype(values.dtype) and _whole(values):
        return values.astype(np.int64)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values
    return values.map(str)


def _numbers(values: pd.Series, name: str) -> NDArray[np.float64]:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(numbers).any():
        raise Refused(
            ProblemCode.MODEL_NOT_FOR_TASK,
            f"Column '{clip(name, 80)}' holds text, so it can be classified but not predicted as a number.",
            subject=name,
        )
    return numbers


def _classes(values: pd.Series, name: str) -> Classes:
    """The labels. Refused are only what cannot be told or checked: a class with a single row is learned, not tested."""
    labels = np.sort(values.unique()) if values.dtype != object else sorted(values.unique())
    shown, repeated = clip(name, 80), int((values.value_counts() > 1).sum())
    if len(labels) > MOST_CLASSES:
        raise Refused(
            ProblemCode.TOO_MANY_CLASSES,
            f"Column '{shown}' has {len(labels):,} different values; at most {MOST_CLASSES:,} classes can be learned.",
            subject=name,
        )
    if len(labels) > len(values) / 2 and repeated < 2:
        raise Refused(
            ProblemCode.TOO_MANY_CLASSES,
            f"Column '{shown}' has {len(labels)} different values in {len(values)} rows, so hardly any class has two "
            "rows: there is nothing in common to learn.",
            subject=name,
        )
    return Classes(labels=tuple(_label(label) for label in labels))


def _label(value: object) -> Label:
    """A plain Python value that JSON keeps as it is."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if isinstance(value, float | np.floating) else str(value)


def _key(value: object) -> str:
    """What two spellings of a label share: a later file may hold 1 as 1.0 (there are gaps) or true as "True"."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
