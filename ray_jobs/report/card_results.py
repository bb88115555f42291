"""The model card's first half: how good the model is."""

from __future__ import annotations

from ray_jobs.evaluation import ClassScore, Measured, Threshold
from ray_jobs.report.elements import Element, element, name, paragraph, section, table
from ray_jobs.report.metric_names import metric
from ray_jobs.report.numbers import digits, fraction, percent, whole
from ray_jobs.spec import TrainResult

_MOST_CLASSES = 100


def numbers(result: TrainResult) -> Element:
    """Every metric with the baseline beside it, and the folds where there was a cross-validation."""
    rows: list[list[Element | str]] = []
    for key, value in result.metrics.items():
        named = metric(key)
        title = element("span", name(named.title), *([element("small", named.meaning)] if named.meaning else []))
        baseline = named.form(result.baseline_metrics[key]) if key in result.baseline_metrics else "-"
        rows.append([title, element("span", named.form(value), *_fold(result, key)), baseline])
    told = table(["Of rows it had not seen", "Model", "Baseline"], rows)
    return section("The numbers", told, paragraph(_baseline(result)), _folds(result))


def classes(scores: tuple[ClassScore, ...]) -> Element | None:
    """What is told of each class, the commonest first where there are more than 100."""
    if not scores:
        return None
    shown = scores if len(scores) <= _MOST_CLASSES else sorted(scores, key=lambda score: -score.rows)[:_MOST_CLASSES]
    rows: list[list[Element | str]] = [
        [
            name(score.name, 60),
            whole(score.rows),
            _share(score.recall),
            _share(score.precision),
            "-" if score.f1 is None else fraction(score.f1),
        ]
        for score in shown
    ]
    told = (
        "Found: of the rows of the class, how many were named so (recall). Right: of the rows named so, how many are "
    )
    told += "of the class (precision). F1: their harmonic mean."
    if len(shown) < len(scores):
        told += f" The {len(shown)} commonest of {len(scores)} classes."
    return section("Class by class", table(["Class", "Rows", "Found", "Right", "F1"], rows), paragraph(told))


def errors(measured: Measured) -> Element:
    """How far off a regression is, row by row."""
    lowest, low, quarter, _, three_quarters, high, highest = (_signed(float(value)) for value in measured.quantiles)
    rows: list[list[Element | str]] = [
        ["Half of the rows", quarter, three_quarters],
        ["Nine in ten rows", low, high],
        ["All rows", lowest, highest],
    ]
    if interval := measured.interval:
        shown = [_signed(-interval.below), _signed(interval.above)]
        rows.append([element("span", "Interval", element("small", "what is put around each prediction")), *shown])
    return section(
        "How far off",
        table(["Actual less predicted", "From", "To"], rows),
        paragraph(f"On average over all held-out rows: {_signed(measured.bias)}. Far from 0 is a model that leans."),
    )


def threshold(found: Threshold, names: tuple[str, ...]) -> Element:
    """What another threshold would change."""
    first, second = name(names[0], 60), name(names[1], 60)
    rows: list[list[Element | str]] = [
        ["Balanced accuracy", percent(found.balanced_accuracy_before), percent(found.balanced_accuracy)],
        ["Accuracy", percent(found.accuracy_before), percent(found.accuracy)],
        [element("span", "Found of ", first), percent(found.recall_before[0]), percent(found.recall[0])],
        [element("span", "Found of ", second), percent(found.recall_before[1]), percent(found.recall[1])],
        [element("span", "Right where it says ", second), _share(found.precision_before), _share(found.precision)],
    ]
    return section(
        "Another threshold",
        paragraph("All other numbers here are for the likelier class, that is a threshold of 0.5."),
        table(["", "At 0.5", f"At {found.value:g}"], rows),
        paragraph(
            "The threshold was chosen on the held-out rows, so that both classes are found alike (balanced accuracy). "
            "The numbers beside it are of halves of these rows that had no part in choosing."
        ),
        paragraph(
            "It is a proposal: predictions name the likelier class, unless they are asked for with the threshold ",
            element("code", f"{found.value:g}"),
            ".",
        ),
    )


def _baseline(result: TrainResult) -> str:
    if result.task == "classification":
        return (
            "The baseline looks at no column: it always gives the shares that the classes have in the training rows, "
            "and so names the commonest."
        )
    return (
        "The baseline looks at no column: it always gives the mean or the median of the training rows, for each number "
        "whichever does better."
    )


def _folds(result: TrainResult) -> Element | None:
    if not result.fold_metrics:
        return None
    return paragraph(
        "In small letters: mean and standard deviation over the folds of a cross-validation of the training rows. Much "
        "spread means that the numbers depend on which rows happen to be held out."
    )


def _fold(result: TrainResult, key: str) -> list[Element]:
    if key not in result.fold_metrics:
        return []
    form = metric(key).form
    spread = f"\u00a0±\u00a0{form(result.fold_spread[key], 2)}" if key in result.fold_spread else ""
    return [element("small", f"{form(result.fold_metrics[key])}{spread}")]


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _signed(value: float) -> str:
    return f"+{digits(value)}" if value > 0 else digits(value)
