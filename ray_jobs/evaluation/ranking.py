"""How well probabilities put the rows of a class before the others: areas under ROC and precision-recall, and the
curves, from one sort for each class.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ray_jobs.evaluation.outcome import Codes, Curve, Floats

#: Rows that are sorted, which takes 60 bytes each at once, and rows times classes, which takes time. Of more, a sample
#: is: an area of 5 million rows is right in its third digit.
MOST_ROWS = 5_000_000
_MOST_SORTED = 50_000_000
_MOST_POINTS = 200


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One class against the rest: for each distinct score, falling, the weight of the rows that have at least it."""

    scores: Floats
    hits: Floats  #: of rows of the class
    misses: Floats  #: of the others

    @property
    def recall(self) -> Floats:
        shares: Floats = self.hits / self.hits[-1]
        return shares

    @property
    def false_alarms(self) -> Floats:
        shares: Floats = self.misses / self.misses[-1]
        return shares

    @property
    def precision(self) -> Floats:
        return self.hits / (self.hits + self.misses)

    def roc_auc(self) -> float:
        """Area under the ROC curve, straight lines between its points: equal scores count half."""
        x, y = np.append(0.0, self.false_alarms), np.append(0.0, self.recall)
        return float(np.trapezoid(y, x))

    def average_precision(self) -> float:
        """Area under the precision-recall curve as steps, which does not flatter as straight lines would."""
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))


def rank(is_class: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> Ranking | None:
    """None where every row is of the class, or none is: then nothing can be told apart."""
    if is_class.all() or not is_class.any():
        return None
    order = np.argsort(-scores)
    falling = scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # of each run of equal scores
    of_class = is_class[order]
    if weights is None:
        hits = np.cumsum(of_class)[last].astype(np.float64)
        misses = last + 1.0 - hits
    else:
        each = weights[order]
        hits, misses = np.cumsum(each * of_class)[last], np.cumsum(each * ~of_class)[last]
    return Ranking(scores=falling[last], hits=hits, misses=misses)


@dataclass(frozen=True, kw_only=True)
class Areas:
    """Means over the classes that some rows have and others have not, all the same weight; of two classes the second's
    alone. None where there is no such class.
    """

    roc_auc: float | None
    pr_auc: float | None
    roc: tuple[Curve, ...]
    precision_recall: tuple[Curve, ...]


def areas(truth: Codes, probabilities: Floats, weights: Floats | None = None, shown: Collection[int] = ()) -> Areas:
    """Of rows whose label the model knows. `shown`: the classes whose curves are wanted. The first of two classes has
    a precision-recall curve alone, since its ROC is the second's turned over.
    """
    rows = ranked_rows(len(truth), probabilities.shape[1])
    if rows is not None:
        truth, probabilities = truth[rows], probabilities[rows]
        weights = None if weights is None else weights[rows]
    roc, precision_recall, roc_aucs, pr_aucs = [], [], [], []
    counted = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    for code in sorted({*counted, *shown}):
        ranking = rank(truth == code, probabilities[:, code], weights)
        if ranking is None:
            continue
        roc_auc, pr_auc = ranking.roc_auc(), ranking.average_precision()
        if code in counted:
            roc_aucs.append(roc_auc)
            pr_aucs.append(pr_auc)
        if code in counted and code in shown:
            ends = np.append(0.0, ranking.false_alarms), np.append(0.0, ranking.recall)
            roc.append(_thinned(code, *ends, roc_auc))
        if code in shown:
            precision_recall.append(_thinned(code, ranking.recall, ranking.precision, pr_auc))
    return Areas(
        roc_auc=float(np.mean(roc_aucs)) if roc_aucs else None,
        pr_auc=float(np.mean(pr_aucs)) if pr_aucs else None,
        roc=tuple(roc),
        precision_recall=tuple(precision_recall),
    )


def ranked_rows(rows: int, classes: int) -> Codes | None:
    """The sample of the rows that is sorted; None: all are."""
    most = min(MOST_ROWS, _MOST_SORTED // classes)
    if rows <= most:
        return None
    drawn: Codes = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return drawn


def _thinned(code: int, x: Floats, y: Floats, area: float) -> Curve:
    """Points at even distances along the curve: where it turns there are as many as where it runs flat."""
    if len(x) > _MOST_POINTS:
        way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        kept = np.unique(np.searchsorted(way, np.linspace(0.0, way[-1], _MOST_POINTS)).clip(max=len(x) - 1))
        x, y = x[kept], y[kept]
    return Curve(code=code, x=x, y=y, area=area)
