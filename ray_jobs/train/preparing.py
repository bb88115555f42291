"""From a table in memory to rows to learn from and rows to judge by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ray_jobs.absent import recoded
from ray_jobs.place import Place
from ray_jobs.problems import Refused, clip
from ray_jobs.profiling import choose_features, findings
from ray_jobs.reading.source import Source, open_source
from ray_jobs.schema import Column, conform
from ray_jobs.spec import FileSplit, ProblemCode, TrainSpec
from ray_jobs.splitting import Positions, RowKeys, keys_of, split_rows
from ray_jobs.target import Classes, Target, in_seconds, target_column, target_of
from ray_jobs.train.learned import Values


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Frames are conformed to `columns`; values are numbers, or positions of classes: those that training rows have.
    Of test rows -1 is any other.
    """

    columns: tuple[Column, ...]
    target: Target
    train_frame: pd.DataFrame
    train_values: Values
    train_keys: RowKeys
    test_frame: pd.DataFrame
    test_values: Values
    notes: tuple[str, ...]


def prepare(source: Source, spec: TrainSpec, place: Place) -> Prepared:
    """Checks the target, chooses the features, splits. Raises Refused."""
    frame = source.frame()
    name = str(target_column(frame, spec.target).name)
    target = target_of(frame, name, spec.task)
    columns, left_out = choose_features(frame, name, spec.include, spec.exclude)
    conformed, misfits = conform(frame, columns)
    codes = target.values.astype(np.int64) if target.classes else None
    keys = keys_of(frame, target.rows, codes, spec.split)
    if isinstance(spec.split, FileSplit):
        train, learned = np.arange(len(target.values)), target
        test_frame, test_values, more = _other_rows(place, spec.split, target, columns)
    else:
        train, test = split_rows(keys, len(target.values), spec.split.test_fraction, spec.seed)
        learned = _as_learned(target, train)
        test_frame, test_values, more = conformed.iloc[target.rows[test]], learned.values[test], []
    if target.classes and not (test_values >= 0).any():
        raise Refused(ProblemCode.BAD_SPLIT, "No held-out row has a label that the training rows have.")
    return Prepared(
        columns=columns,
        target=learned,
        train_frame=conformed.iloc[target.rows[train]],
        train_values=learned.values[train],
        train_keys=keys.at(train),
        test_frame=test_frame,
        test_values=test_values,
        notes=(*source.warnings, *target.warnings, *left_out, *misfits, *more, *told_findings(frame, target, columns)),
    )


def _as_learned(target: Target, train: Positions) -> Target:
    """With those classes alone that training rows have: a split by group or time may leave a class none. Raises
    Refused(TARGET_CONSTANT) where there is one only.
    """
    if target.classes is None:
        return target
    present = np.unique(target.values[train])
    if len(present) == 1:
        raise Refused(
            ProblemCode.TARGET_CONSTANT,
            f"Column '{clip(target.name, 80)}' has the same value in every training row, so there is nothing to learn.",
            subject=target.name,
        )
    labels = tuple(target.classes.labels[code] for code in present)
    return replace(target, classes=Classes(labels=labels), values=recoded(target.values, present))


def told_findings(
    frame: pd.DataFrame, target: Target, columns: tuple[Column, ...], rows: int | None = None
) -> list[str]:
    """What stands out, but for what is left out anyway and told so. `rows`: of the whole table, where `frame` is a
    sample of it.
    """
    found = findings(frame, target, columns, rows)
    return [each.message for each in found if each.code not in ("identifier", "constant")]


def encoded(values: pd.Series, classes: Classes | None) -> tuple[Values, pd.Series]:
    """Targets of another table as numbers or positions of classes (-1: a new label), and which rows have one."""
    values = in_seconds(values)
    if classes is None:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, pd.Series(np.isfinite(numbers), index=values.index)
    return classes.encode(values), values.notna()


def _other_rows(
    place: Place, split: FileSplit, target: Target, columns: tuple[Column, ...]
) -> tuple[pd.DataFrame, Values, list[str]]:
    """The rows of the test file whose target is known."""
    with open_source(place, split.data) as source:
        frame = source.frame()
        column = target_column(frame, target.name)
        conformed, notes = conform(frame, columns)
        values, known = encoded(column, target.classes)
    rows = np.flatnonzero(known.to_numpy())
    if not len(rows):
        raise Refused(
            ProblemCode.BAD_SPLIT,
            f"No row of the test file {source.shown} has a value in '{clip(target.name, 80)}'.",
            subject=target.name,
        )
    return conformed.iloc[rows], values[rows], [*source.warnings, *notes]
