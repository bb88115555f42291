"""What the metrics are called, what they mean in one line, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ray_jobs.report.numbers import digits, fraction, percent


class Form(Protocol):
    """Writes a value in `count` digits."""

    def __call__(self, value: float, count: int = 3, /) -> str: ...


@dataclass(frozen=True, kw_only=True)
class MetricName:
    title: str
    meaning: str
    form: Form = digits


METRICS = {
    "accuracy": MetricName(title="Accuracy", meaning="share of rows that were named right", form=percent),
    "balanced_accuracy": MetricName(
        title="Balanced accuracy",
        meaning="share of a class's rows that were named right, mean over classes",
        form=percent,
    ),
    "f1_macro": MetricName(
        title="F1",
        meaning="harmonic mean of how many are found and how many alarms are right, mean over classes",
        form=fraction,
    ),
    "roc_auc": MetricName(
        title="ROC AUC",
        meaning="how often a row of a class gets a higher chance of it than another row; guessing 0.5, best 1",
        form=fraction,
    ),
    "pr_auc": MetricName(
        title="PR AUC",
        meaning="precision, mean over all shares found; guessing has the share of the class, best 1",
        form=fraction,
    ),
    "log_loss": MetricName(title="Log loss", meaning="what wrong chances cost; less is better, best 0"),
    "brier": MetricName(title="Brier score", meaning="squared error of the chances; less is better, best 0"),
    "rmse": MetricName(title="RMSE", meaning="size of the errors, large ones counting more; less is better"),
    "mae": MetricName(title="MAE", meaning="mean size of the errors; less is better"),
    "r2": MetricName(
        title="R²", meaning="share of the differences between rows that is explained; best 1", form=fraction
    ),
    "mape": MetricName(
        title="MAPE", meaning="mean size of the errors as a share of the true value; less is better", form=percent
    ),
    "interval_coverage": MetricName(
        title="Interval coverage", meaning="share of rows inside a prediction interval meant for 90 %", form=percent
    ),
    "interval_width": MetricName(title="Interval width", meaning="from its lower to its upper end; less is better"),
}


def metric(name: str) -> MetricName:
    return METRICS.get(name) or MetricName(title=name, meaning="")
