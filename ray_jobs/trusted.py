"""The types that a skops file of ours may name, beyond those that skops trusts by itself (scikit-learn's public
estimators, NumPy arrays). Fixed here, never read from a file.
"""

from __future__ import annotations

TRUSTED_TYPES: tuple[str, ...] = (
    "numpy.dtype",
    "ray_jobs.features.Codes",
    "ray_jobs.features.DateParts",
    "ray_jobs.features.TextParts",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
