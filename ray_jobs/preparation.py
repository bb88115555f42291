"""What the catalogue's fits have in common: rows to a matrix, the target to what is learned, the parts to a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.catalogue import Training
from ray_jobs.estimators import ScaledTarget
from ray_jobs.features import CODES_AT_MOST, Family, TableFeatures, TargetScale, learned_scale, preprocessing
from ray_jobs.features.targets import logarithm_unit
from ray_jobs.models import PipelineModel
from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

#: Libraries begin what they say with where they say it.
_SOURCE_LINE = re.compile(r"^\S+:\d+: ")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Training rows as a library takes them."""

    features: TableFeatures  #: fitted
    matrix: NDArray[Any]
    values: NDArray[Any]  #: as they are to be learned: of a regression maybe scaled
    target: TargetScale | None

    @property
    def notes(self) -> tuple[str, ...]:
        if self.target is None or not self.target.unit:
            return ()
        return ("The target is skewed, and was learned as its logarithm, which told other training rows better.",)

    def held(self, training: Training) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """The rows to stop by, in the same form; None where there are none, or the rounds are given."""
        if training.held is None or training.rounds is not None:
            return None
        values = training.held.values
        if training.task == "regression":
            values = self.learned(np.asarray(values, dtype=np.float64))
        return self.features.transform(training.held.frame), values

    def learned(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values if self.target is None else self.target.apply(values)

    def model(self, estimator: Any, *, rounds: int | None = None, notes: tuple[str, ...] = ()) -> PipelineModel:
        """The whole, of a fitted scikit-learn estimator. Raises Refused(NOT_LEARNED) where it says no numbers."""
        from sklearn.pipeline import Pipeline

        if self.target is not None:
            estimator = ScaledTarget(estimator, self.target)
        check_sane(estimator, self.matrix)
        pipeline = Pipeline([("features", self.features), ("model", estimator)])
        return PipelineModel(pipeline=pipeline, rounds=rounds, notes=(*self.notes, *notes))


def prepared(
    training: Training,
    family: Family,
    *,
    dtype: Literal["float64", "float32"] = "float64",
    order: Literal["C", "F"] | None = None,
    squash: bool = True,
    standardise: bool = False,
    logarithm: bool = False,
    at_most: int = CODES_AT_MOST,
) -> Prepared:
    """standardise: a regression's target to mean 0 and spread 1. logarithm: try one on a skewed target (features.
    targets says by which rule). at_most: category codes of one column.
    """
    features = preprocessing(
        training.columns, family, dtype=dtype, order=order, squash=squash, classes=training.classes, at_most=at_most
    )
    values: NDArray[Any] = training.values
    matrix = features.fit_transform(training.frame, values)
    target = None
    if training.task == "regression":
        values = np.asarray(values, dtype=np.float64)
        unit = logarithm_unit(values, matrix, training.seed) if logarithm else 0.0
        target = learned_scale(values, always=standardise, unit=unit)
        values = values if target is None else target.apply(values)
    return Prepared(features=features, matrix=matrix, values=values, target=target)


def check_sane(estimator: Any, matrix: NDArray[Any]) -> None:
    """Raises Refused(NOT_LEARNED) where the answers to some training rows are no numbers."""
    some = matrix[:100]
    with np.errstate(all="ignore"):
        found = estimator.predict_proba(some) if hasattr(estimator, "predict_proba") else estimator.predict(some)
    if not np.isfinite(found).all():
        raise diverged()


def diverged() -> Refused:
    return Refused(
        ProblemCode.NOT_LEARNED,
        "The numbers left the range that a computer can hold while the model learned. "
        "A smaller learning rate or a simpler model may help.",
    )


@contextmanager
def learning(*errors: type[Exception]) -> Iterator[None]:
    """Around a library's fit: what it raises about the data becomes Refused(NOT_LEARNED)."""
    try:
        yield
    except (np.linalg.LinAlgError, FloatingPointError, OverflowError) as error:
        raise diverged() from error
    except errors as error:
        reason = _SOURCE_LINE.sub("", str(error).splitlines()[0]).rstrip(".")
        raise Refused(ProblemCode.NOT_LEARNED, f"The library could not learn from these rows: {reason}.") from error


def row_weights(training: Training) -> NDArray[np.float64] | None:
    """For class_weight="balanced": each class weighs the same in all; else None."""
    if training.task == "regression" or getattr(training.parameters, "class_weight", None) is None:
        return None
    counts = np.bincount(training.values, minlength=training.classes)
    return np.asarray((len(training.values) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[training.values])


def sampled(training: Training, most: int) -> tuple[pd.DataFrame, NDArray[Any], tuple[str, ...]]:
    """At most `most` rows and their values, each class with its share and at least a row, and a note where that left
    rows out.
    """
    rows = len(training.values)
    if rows <= most:
        return training.frame, training.values, ()
    order = np.random.default_rng(training.seed).permutation(rows)
    if training.task == "classification":
        # The first row of each class first, then the others: by their place within their class.
        dealt = order[np.argsort(training.values[order], kind="stable")]
        counts = np.bincount(training.values, minlength=training.classes)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        place = (np.arange(rows) - starts) / np.repeat(counts, counts)
        order = dealt[np.argsort(place, kind="stable")]
    chosen = np.sort(order[: max(most, training.classes)])
    note = f"Learned from {len(chosen):,} of {rows:,} rows, chosen at random: more would take too long."
    return training.frame.iloc[chosen], training.values[chosen], (note,)
