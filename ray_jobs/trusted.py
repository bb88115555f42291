"""The types that a skops file of ours may name, beyond those that skops trusts by itself (scikit-learn's public
estimators, NumPy arrays). Fixed here, never read from a file.
"""

from __future__ import annotations

TRUSTED_TYPES: tuple[str, ...] = (
    "numpy.dtype",
    "ray_jobs.estimators.MarginProbabilities",
    "ray_jobs.estimators.ScaledTarget",
    "ray_jobs.estimators.SmoothedVotes",
    "ray_jobs.features.binning.Bins",
    "ray_jobs.features.categories.Codes",
    "ray_jobs.features.categories.Indicators",
    "ray_jobs.features.categories.TargetMeans",
    "ray_jobs.features.dates.DateParts",
    "ray_jobs.features.scaling.Scaler",
    "ray_jobs.features.table.TableFeatures",
    "ray_jobs.features.targets.TargetScale",
    "ray_jobs.features.texts.TextParts",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
)
