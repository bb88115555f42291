"""The target of a streamed table: what its column is read as, and the labels that turn up on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.problems import Refused, clip
from ray_jobs.schema import Column, Kind
from ray_jobs.spec import ProblemCode, Task
from ray_jobs.streaming.order import Values
from ray_jobs.target import MOST_CLASSES, Classes, Label

#: A label as it is read: numbers and booleans as a number, text as it is.
Key = float | str
#: From here on a float does not hold every whole number: labels are told apart by their text.
_EXACT = 2**53


@dataclass(frozen=True, kw_only=True)
class TargetReader:
    """Reads the target's column out of conformed batches."""

    column: Column
    task: Task
    known_classes: Classes | None  #: as a sample had them; None for regression

    def known(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows have a target."""
        return np.asarray(frame[self.column.name].notna())

    def counts(self, column: pd.Series) -> dict[Key, int]:
        """The rows of each label."""
        counted = column.value_counts()
        return dict(zip((self._key(value) for value in counted.index), map(int, counted), strict=True))

    def values(self, frame: pd.DataFrame, classes: Classes | None) -> Values:
        """Numbers, or the positions of labels among the classes: -1 for what is none of them, and for gaps."""
        column = frame[self.column.name]
        if classes is None:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        positions, distinct = pd.factorize(column)  # -1 for gaps
        by_key = {self._key(label): position for position, label in enumerate(classes.labels)}
        found = [by_key.get(self._key(value), -1) for value in distinct]
        return np.asarray([*found, -1], dtype=np.int64)[positions]

    def counted(self, counts: Mapping[Key, int], classes: Classes) -> NDArray[np.float64]:
        """The rows of each class."""
        return np.array([counts.get(self._key(label), 0) for label in classes.labels], dtype=np.float64)

    def classes(self, keys: Iterable[Key]) -> Classes:
        """The labels that were found, each as the sample had it. Raises Refused(TOO_MANY_CLASSES)."""
        assert self.known_classes is not None
        known: dict[Key, Label] = {self._key(label): label for label in self.known_classes.labels}
        whole = all(isinstance(label, int) for label in self.known_classes.labels)
        found = sorted(keys, key=lambda key: (isinstance(key, str), key))
        check_number(len(found), self.column.name)
        return Classes(labels=tuple(known.get(key, _new(key, whole)) for key in found))

    def _key(self, value: object) -> Key:
        return str(value) if self.column.kind == "category" else float(value)  # type: ignore[arg-type]  # a number


def target_reader(name: str, task: Task, classes: Classes | None) -> TargetReader:
    """`classes`: as a sample had them; None for regression."""
    kind: Kind = "category"
    if classes is None or all(_is_number(label) and abs(label) < _EXACT for label in classes.labels):  # type: ignore[arg-type]
        kind = "number"
    elif all(isinstance(label, bool) for label in classes.labels):
        kind = "boolean"
    return TargetReader(column=Column(name=name, kind=kind), task=task, known_classes=classes)


def check_number(labels: int, name: str) -> None:
    """Raises Refused(TOO_MANY_CLASSES)."""
    if labels > MOST_CLASSES:
        raise Refused(
            ProblemCode.TOO_MANY_CLASSES,
            f"Column '{clip(name, 80)}' has {labels:,} and more different values, too many for classes; "
            f"at most {MOST_CLASSES:,} can be learned.",
            subject=name,
        )


def _new(key: Key, whole: bool) -> Label:
    """A label that no row of the sample had."""
    return int(key) if whole and isinstance(key, float) and key.is_integer() else key


def _is_number(label: Label) -> bool:
    return isinstance(label, int | float) and not isinstance(label, bool)
