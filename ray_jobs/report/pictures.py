"""The pictures of a model's quality, the most telling first."""

from __future__ import annotations

from pathlib import Path

from ray_jobs.evaluation import Classified, Evaluation
from ray_jobs.evaluation.outcome import LARGEST_DRAWN, drawable
from ray_jobs.report import canvas
from ray_jobs.report.class_pictures import draw_calibration, draw_confusion, draw_precision_recall, draw_roc
from ray_jobs.report.letters import label
from ray_jobs.report.number_pictures import draw_predicted, draw_residuals
from ray_jobs.report.numbers import short
from ray_jobs.spec import Task

_MOST_BARS = 12
#: Below this share of the rows a class is rare, and its ROC looks better than it is.
_RARE = 0.2


def draw_pictures(
    folder: Path, evaluation: Evaluation, importance: tuple[tuple[str, float], ...], target: str
) -> tuple[str, ...]:
    """Writes at most 6 PNG into `folder` (made where it is missing); returns their names, the most telling first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    drawn = []
    measured = evaluation.measured
    if measured and not drawable(measured.actual, measured.predicted):
        measured = None
    if evaluation.classified:
        draw_confusion(folder / "confusion.png", evaluation.classified)
        drawn.append("confusion.png")
    elif measured:
        draw_predicted(folder / "predicted.png", measured, target)
        drawn.append("predicted.png")
    if importance and 0 < importance[0][1] <= LARGEST_DRAWN:
        draw_importance(folder / "importance.png", importance, evaluation.task)
        drawn.append("importance.png")
    if evaluation.classified:
        drawn += _draw_chances(folder, evaluation.classified)
    elif measured:
        draw_residuals(folder / "residuals.png", measured)
        drawn.append("residuals.png")
    return tuple(drawn)


def draw_importance(path: Path, importance: tuple[tuple[str, float], ...], task: Task) -> None:
    """A bar for each of the 12 columns that matter most; none for those that matter a hundredth of the first."""
    shown = [pair for pair in importance[:_MOST_BARS] if pair[1] >= importance[0][1] / 100]
    figure, axes = canvas.new_figure()
    canvas.head(figure, "Which columns matter (test rows)")
    axes.barh(range(len(shown)), [value for _, value in shown], color=canvas.BLUE, height=0.7)
    axes.set_ylim(max(len(shown), 4) - 0.4, -0.6)
    for row, (_, value) in enumerate(shown):
        canvas.write(axes, value, row, f" {short(value, 2)}", canvas.SMALL, va="center")
    axes.margins(x=0.18)
    axes.set_xlim(left=0)
    loss = "log loss" if task == "classification" else "RMSE"
    canvas.label_axes(axes, f"{loss} rises by this when it is shuffled")
    canvas.number_ticks(axes.xaxis, 4)
    canvas.clean(axes)
    axes.grid(axis="y", visible=False)
    canvas.name_ticks(axes.yaxis, [label(name, 22) for name, _ in shown])
    if len(importance) > len(shown):
        figure.supxlabel(
            canvas.safe(f"{len(importance) - len(shown)} other columns matter less"), fontsize=canvas.SMALL
        )
    canvas.save(figure, path)


def _draw_chances(folder: Path, classified: Classified) -> list[str]:
    drawn = []
    if classified.roc:
        draw_roc(folder / "roc.png", classified)
        drawn.append("roc.png")
    rows = [line.rows for line in classified.per_class]
    rare = [curve for curve in classified.precision_recall if rows[curve.code] < _RARE * sum(rows)]
    if len(rows) == 2 and rare:
        name, share = classified.names[rare[0].code], rows[rare[0].code] / sum(rows)
        draw_precision_recall(folder / "precision-recall.png", rare[0], name, share)
        drawn.append("precision-recall.png")
    if classified.calibration:
        draw_calibration(folder / "calibration.png", classified.calibration, classified.names)
        drawn.append("calibration.png")
    return drawn
