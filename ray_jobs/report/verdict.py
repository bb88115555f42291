"""What the numbers come to, in sentences: how good, against the baseline, and how sure that is."""

from __future__ import annotations

import math

from ray_jobs.report.numbers import digits, percent, whole
from ray_jobs.spec import TrainResult

_NO_BETTER = (
    "That is no better than an answer that looks at no column: the columns say nothing about the target, or not to "
    "this model. Do not rely on it."
)


def verdict(result: TrainResult) -> list[str]:
    """The sentences at the head of the card. The first says how good in one number beside the baseline."""
    if result.task == "classification":
        return _of_classes(result)
    return _of_numbers(result)


def chance_of_share(share: float, rows: int) -> float:
    """How far chance alone may move a share of so many rows, 19 times of 20 (half of Wilson's interval)."""
    z = 1.96
    return z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))


def _of_classes(result: TrainResult) -> list[str]:
    metrics, baseline = result.metrics, result.baseline_metrics
    right, always = metrics.get("accuracy", 0.0), baseline.get("accuracy", 0.0)
    said = [
        f"Of {_rows(result.rows_test)} that it had not seen, it named {percent(right)} right; always naming the "
        f"commonest class would have named {percent(always)} right."
    ]
    surer = metrics.get("log_loss", math.inf) < baseline.get("log_loss", math.inf)
    auc = metrics.get("roc_auc")
    moved = chance_of_share(right, result.rows_test) if result.rows_test else 1.0
    if right <= always + moved:
        if auc is not None and auc > 0.55 and surer:
            said.append(
                "That is hardly more, but its chances do tell the classes apart: a row of a class gets a higher chance "
                f"of it than another row in {percent(auc, 2)} of all pairs (ROC AUC), where guessing has 50 %."
            )
        else:
            said.append(_NO_BETTER)
    elif auc is not None:
        said.append(f"ROC AUC {digits(auc)}, where guessing has 0.5 and 1 is perfect.")
    if result.rows_test:
        said.append(f"With so many rows, chance alone moves the first number by about {_points(moved)}.")
    return said


def _of_numbers(result: TrainResult) -> list[str]:
    metrics, baseline = result.metrics, result.baseline_metrics
    error = "mae" if "mae" in metrics and "mae" in baseline else "rmse"
    off, always = metrics.get(error), baseline.get(error)
    if off is None or always is None:
        return [f"It was tested on {_rows(result.rows_test)} that it had not seen."]
    said = [
        f"On {_rows(result.rows_test)} that it had not seen, it was off by {digits(off)} on average; always giving "
        f"the mean or the median of the training rows would have been off by {digits(always)}."
    ]
    explained = metrics.get("r2", 0.0)
    if off >= always and metrics.get("rmse", 0.0) >= baseline.get("rmse", 0.0):
        said.append(_NO_BETTER)
    elif explained > 0:
        said.append(f"It explains {percent(explained)} of the differences between the rows (R²).")
    if "interval_coverage" in metrics:
        said.append(
            f"Each prediction comes with an interval meant to hold 90 % of the true values; of rows that it was not "
            f"made from it held {percent(metrics['interval_coverage'])}."
        )
    return said


def _rows(count: int) -> str:
    return "one row" if count == 1 else f"{whole(count)} rows"


def _points(share: float) -> str:
    return f"{digits(100 * share, 2)} points"
