"""How well each column alone predicts the target: a small tree, with cross-validation, where a quick count in bins
looks good.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata  # type: ignore[import-untyped]  # scipy has no types
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ray_jobs.profiling.numbers import Codes, Floats, Looked
from ray_jobs.spec import Task

Values = Floats | Codes

_ROWS = 3000
#: Of many classes the commonest are looked at.
_MOST_CLASSES = 12
_FOLDS = 3
#: A depth would be too narrow for categories, whose order means nothing.
_LEAVES = 256
#: A tree is worth its time for a column that does well by a quick count in bins; for so many at most.
_TREES = 40
_BINS = 32
_WORTH: dict[Task, float] = {"classification": 0.85, "regression": 0.5}


def scores_alone(looked: Looked) -> dict[str, float]:
    """ROC AUC (mean over the classes, one against the rest) or R2 of each column that is no text: of those that look
    good, on rows that their tree has not seen; of the others the quick count, which is never far below that.
    """
    assert looked.target is not None
    task = looked.target.task
    rows = _rows(looked.answers, task)
    values = looked.answers[rows]
    if len(rows) < 2 * _FOLDS or np.ptp(values) == 0:
        return {}
    if task == "regression":
        values = _filled(values.astype(np.float64))  # squares of the largest numbers would overflow
    matrix = {name: _filled(column[rows]) for name, column in looked.numbers.items()}
    if task == "classification":
        values = np.unique(values, return_inverse=True)[1]
        folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(values, values))
    else:
        folds = list(KFold(_FOLDS, shuffle=True, random_state=0).split(values))
    quick, closely = (_quick_auc, _auc) if task == "classification" else (_quick_r2, _r2)
    scores = {name: quick(column, values) for name, column in matrix.items() if np.ptp(column) > 0}
    promising = [name for name in sorted(scores, key=lambda name: -scores[name]) if scores[name] >= _WORTH[task]]
    return scores | {name: closely(matrix[name], values, folds) for name in promising[:_TREES]}


def _rows(values: Values, task: Task) -> Codes:
    """Rows to score on: of each of the commonest classes equally many, since the AUC does not mind; spread evenly."""
    if task == "regression":
        return np.linspace(0, len(values) - 1, min(_ROWS, len(values))).astype(np.int64)
    counts = np.bincount(values.astype(np.int64))
    kept = [code for code in np.argsort(-counts, kind="stable")[:_MOST_CLASSES] if counts[code] >= _FOLDS]
    found = [np.flatnonzero(values == code) for code in kept]
    most = _ROWS // max(1, len(kept))
    spread = [rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)] for rows in found]
    return np.sort(np.concatenate(spread)) if spread else np.zeros(0, dtype=np.int64)


def _auc(column: Floats, codes: Values, folds: list[tuple[Codes, Codes]]) -> float:
    chances = np.empty((len(codes), int(codes.max()) + 1))
    features = column.reshape(-1, 1)
    for train, test in folds:
        tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, min_samples_leaf=3, random_state=0)
        chances[test] = tree.fit(features[train], codes[train]).predict_proba(features[test])
    return _mean_auc(chances, codes)


def _mean_auc(chances: Floats, codes: Values) -> float:
    positive = codes[:, None] == np.arange(chances.shape[1])
    counts = positive.sum(axis=0)
    ranks = np.where(positive, rankdata(chances, axis=0), 0).sum(axis=0)
    return float(np.mean((ranks - counts * (counts + 1) / 2) / (counts * (len(codes) - counts))))


def _r2(column: Floats, values: Values, folds: list[tuple[Codes, Codes]]) -> float:
    """Of a tree, or of a straight line through the values or their ranks, whichever is best: trees are coarse where
    values are far out.
    """
    features, predicted = column.reshape(-1, 1), np.empty(len(values))
    for train, test in folds:
        tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=3, random_state=0)
        predicted[test] = tree.fit(features[train], values[train]).predict(features[test])
    left = ((values - predicted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    lines = [_correlation(column, values) ** 2, _correlation(rankdata(column), rankdata(values)) ** 2]
    return float(max(1 - left, *lines))


def _correlation(one: Values, other: Values) -> float:
    """Pearson's, 0 where a column does not vary."""
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0


def _quick_auc(column: Floats, codes: Values) -> float:
    """Of the shares that the classes have in each bin of the column."""
    bins, classes = _bins(column), int(codes.max()) + 1
    counts = np.bincount(bins * classes + codes.astype(np.int64), minlength=(int(bins.max()) + 1) * classes)
    counts = counts.reshape(-1, classes).astype(np.float64)
    sizes = counts.sum(axis=1)
    found = []
    for positive in counts.T:
        order = np.argsort(positive / np.maximum(sizes, 1), kind="stable")
        hits, misses = positive[order], (sizes - positive)[order]
        below = np.cumsum(misses) - misses / 2
        found.append((hits * below).sum() / (hits.sum() * misses.sum()))
    return float(np.mean(found))


def _quick_r2(column: Floats, values: Values) -> float:
    """The share of the target's variance that lies between the bins of the column; or of a line, where that is more."""
    bins, centred = _bins(column), values - values.mean()
    between = (np.bincount(bins, weights=centred) ** 2 / np.maximum(np.bincount(bins), 1)).sum()
    return float(max(between / (centred**2).sum(), _correlation(column, values) ** 2))


def _bins(column: Floats) -> Codes:
    """Values that repeat ten times as they are, say of a category; others in bins of about equally many rows."""
    ordered = np.sort(column)
    distinct = ordered[np.concatenate([[True], np.diff(ordered) > 0])]
    if len(distinct) > max(_BINS, len(column) / 10):
        distinct = np.unique(ordered[np.linspace(0, len(ordered) - 1, _BINS + 1).astype(np.int64)])
    return np.searchsorted(distinct, column, side="right").astype(np.int64) - 1


def _filled(column: Floats) -> Floats:
    """Gaps as a number below all others; scaled to what a tree's 32 bits can tell apart."""
    gaps = np.isnan(column)
    if gaps.all():
        return np.zeros(len(column))
    least, most = np.nanmin(column), np.nanmax(column)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (column - least) / (most - least) if most > least else np.zeros(len(column))
    return np.where(gaps, -1.0, np.nan_to_num(scaled))
