"""How good a model is on rows that it has not seen, beside a baseline that looks at no column. Errors are positive."""

from ray_jobs.evaluation.classification import baseline_classification, classification_metrics
from ray_jobs.evaluation.evaluating import evaluate
from ray_jobs.evaluation.importance import permutation_importance
from ray_jobs.evaluation.outcome import Calibration, Classified, ClassScore, Curve, Evaluation, Measured, Threshold
from ray_jobs.evaluation.regression import baseline_regression, regression_metrics

__all__ = [
    "Calibration",
    "ClassScore",
    "Classified",
    "Curve",
    "Evaluation",
    "Measured",
    "Threshold",
    "baseline_classification",
    "baseline_regression",
    "classification_metrics",
    "evaluate",
    "permutation_importance",
    "regression_metrics",
]
