"""How much of a table fits where: sizes of batches and samples, from the bytes that may be used.

The figures are upper estimates from measurements on NumPy, scikit-learn and LightGBM (see the constants); what they
miss, `Watch` notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import pandas as pd

from ray_jobs.problems import Refused
from ray_jobs.schema import Column, conform
from ray_jobs.spec import ProblemCode
from ray_jobs.streaming.methods import Method
from ray_jobs.streaming.order import StreamOrder
from ray_jobs.streaming.watch import MB

_MOST_BATCH_ROWS = 65_536
#: Rows for evaluating and for fitting the preprocessing: more tell nothing new.
_MOST_TEST_ROWS, _MOST_FITTING_ROWS = 200_000, 100_000
#: Batches and samples of fewer make no sense.
FEWEST_ROWS = 1_000
#: Columns of a matrix for one date, one text, one category column of a linear model.
_DATE_WIDTH, _TEXT_WIDTH, _CATEGORY_WIDTH = 12, 17, 50
#: Copies of a row's matrix that a library makes when it fits on one.
_COPIES = 4
#: Bytes of a node of a scikit-learn tree. A tree that is grown to its end has about one for each row.
_NODE = 80
#: CatBoost, of each category column and of each number (measured: 3.6 kB with 5 and 16 of them).
_CATBOOST_CATEGORY, _CATBOOST_NUMBER = 800, 64
#: What takes its matrix scaled, with a column for each category.
_SCALED = ("linear", "neighbours", "kernel", "bayes", "network")
_NO_END = 2**31
#: LightGBM, of each row and target: score (8), gradient and its square's (8); of each row: label (4), both gradients in
#: the leaf's order (8), the row's place and room for splitting a leaf (12). Measured: 56 bytes with 15 features.
_LIGHTGBM_PER_TARGET, _LIGHTGBM_PER_ROW = 16, 24


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Rows that are held at a time."""

    batch_rows: int
    test_rows: int  #: kept for evaluating
    train_rows: int  #: kept for fitting the preprocessing, or the whole model where that learns from a sample
    row_bytes: int  #: of a conformed row
    width: int  #: about how many numbers the preprocessing makes of a row


def plan_of(order: StreamOrder, columns: tuple[Column, ...], method: Method, free: int) -> Plan:
    """`free`: bytes that may be used still. Raises Refused(OUT_OF_MEMORY) where nothing sensible fits."""
    row_bytes, width = bytes_of_row(order.sample, columns), width_of(order)
    worked = 4 * row_bytes + (0 if method == "sample" else 16 * width)
    batch_rows = steady(min(_MOST_BATCH_ROWS, free // 8 // worked))
    # Kept rows are copied now and then; in the end the test rows become one matrix.
    test_rows = min(_MOST_TEST_ROWS, steady(free // 10 // (2 * row_bytes)), steady(free // 3 // (16 * width)))
    if method == "sample":
        rest = free - batch_rows * worked - 2 * test_rows * row_bytes
        fitting = steady(int(0.8 * rest) // bytes_to_fit(order, row_bytes, width), steps=8)
        train_rows = min(getattr(order.parameters, "max_rows", _NO_END), fitting)
    else:
        train_rows = min(_MOST_FITTING_ROWS, steady(free // 8 // (2 * row_bytes + 24 * width)))
    if min(batch_rows, test_rows, train_rows) < FEWEST_ROWS:
        raise Refused(
            ProblemCode.OUT_OF_MEMORY,
            f"The job may have {order.memory // MB:,} MB in memory, and {max(0, free) // MB:,} MB of that are left for "
            f"the rows: too few even for a small sample of a table of {len(columns)} columns.",
        )
    return Plan(batch_rows=batch_rows, test_rows=test_rows, train_rows=train_rows, row_bytes=row_bytes, width=width)


def steady(rows: int, steps: int = 1) -> int:
    """`rows` or a little less: one of `steps` numbers between a power of two and the next.

    A few megabytes more or less in memory must not give another sample, and so another model.
    """
    if rows < 1:
        return 0
    base = 1 << (rows.bit_length() - 1)
    return base + (rows - base) * steps // base * base // steps


def bytes_of_row(sample: pd.DataFrame, columns: tuple[Column, ...]) -> int:
    """What a conformed row takes, by rows from all over the sample."""
    some = conform(sample.iloc[:: max(1, len(sample) // 2000)], columns)[0]
    return int(some.memory_usage(index=False, deep=True).sum()) // len(some) + 8


def width_of(order: StreamOrder) -> int:
    """About how many numbers the order's model makes of a row."""
    scaled = order.entry.family in _SCALED
    widths = {"date": _DATE_WIDTH, "text": _TEXT_WIDTH}
    plain = 2 if scaled else 1  # a column that marks the gaps
    numbers = sum(widths.get(column.kind, plain) for column in order.columns if column.kind != "category")
    categories = [column.name for column in order.columns if column.kind == "category"]
    if degree := getattr(order.parameters, "degree", 0):
        numbers += comb(numbers + degree, degree)
    if not scaled:
        return numbers + len(categories)
    return numbers + sum(min(_CATEGORY_WIDTH, order.sample[name].nunique() + 2) for name in categories)


def bytes_to_fit(order: StreamOrder, row_bytes: int, width: int) -> int:
    """Of one row of a sample that the entry's own fit learns from in memory."""
    parameters = order.parameters
    classes = len(order.classes.labels) if order.classes else 1
    per_row = 3 * row_bytes + 8 * width * _COPIES + 32 * classes
    if hasattr(parameters, "min_samples_leaf"):
        trees = getattr(parameters, "n_estimators", 1)
        per_row += trees * (_NODE + 8 * classes) // parameters.min_samples_leaf
    if order.entry.name == "catboost":
        categories = sum(column.kind == "category" for column in order.columns)
        per_row += _CATBOOST_CATEGORY * categories + _CATBOOST_NUMBER * width
    return per_row


def lightgbm_bytes(parameters: Any, width: int, classes: int) -> int:
    """Of one row that LightGBM learns from. `parameters`: the entry's. `classes`: 0 for a regression."""
    bins = width * (1 if parameters.max_bin < 256 else 2)
    if parameters.subsample < 1:  # the rows of a round may be copied
        bins += int(bins * parameters.subsample) + 1
    weight = 4 if parameters.class_weight else 0
    return bins + weight + _LIGHTGBM_PER_ROW + _LIGHTGBM_PER_TARGET * (classes if classes > 2 else 1)
