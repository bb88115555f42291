"""Pictures of a classification: what is taken for what, how well classes are told apart, whether chances are true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ray_jobs.evaluation.outcome import Calibration, Classified, Codes, Curve
from ray_jobs.report import canvas
from ray_jobs.report.letters import label
from ray_jobs.report.numbers import digits, percent, short

_MOST_CLASSES = 12
_UNSEEN = "(unseen)"


def draw_confusion(path: Path, classified: Classified) -> None:
    """Each row of squares is a true class and adds up to 100 %. The rarer of more than 12 classes are put together."""
    counts, names = _merged(classified.confusion, classified.names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = canvas.new_figure()
    canvas.head(figure, "What is taken for what (test rows)")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    few = len(counts[0]) <= 4
    size = 18.0 if few else 12.0 if len(counts[0]) <= 8 else 9.0
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            text = short(float(counts[row, column]))
            text += f"\n{percent(shares[row, column], 2)}" if few else ""
            color = "white" if shares[row, column] > 0.55 else "black"
            canvas.write(axes, column, row, text, size, ha="center", va="center", color=color)
    small = canvas.TEXT if len(names) <= 6 else canvas.SMALL - 1
    _label_confusion(axes, names, small)
    canvas.save(figure, path)


def draw_roc(path: Path, classified: Classified) -> None:
    """Found rows against false alarms, for every place where one could draw the line."""
    figure, axes = canvas.new_figure()
    canvas.head(figure, "Telling classes apart (ROC, test rows)")
    axes.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=1.5, linestyle="--")
    canvas.write(axes, 0.52, 0.46, "guessing", canvas.SMALL, color=canvas.GREY, rotation=45, ha="center", va="center")
    _draw_curves(axes, classified.roc, classified.names)
    canvas.label_axes(axes, "false alarms: share of the other rows", "found: share of the class's rows")
    canvas.save(figure, path)


def draw_precision_recall(path: Path, curve: Curve, name: str, share: float) -> None:
    """How many of the rows that are taken for a rare class are of it, by how many of its rows are found."""
    figure, axes = canvas.new_figure()
    canvas.head(figure, "Finding a rare class (test rows)")
    axes.axhline(share, color=canvas.GREY, linewidth=1.5, linestyle="--")
    canvas.write(axes, 0.02, share + 0.015, f"guessing: {percent(share, 2)}", canvas.SMALL, color=canvas.GREY)
    _draw_curves(axes, (curve,), {curve.code: name}, top=True)
    canvas.label_axes(axes, "found: share of its rows (recall)", "right: share of the alarms (precision)")
    canvas.save(figure, path)


def draw_calibration(path: Path, calibration: Calibration, names: tuple[str, ...]) -> None:
    """The chance that was told against how often it came true; a point for each tenth of the rows."""
    figure, axes = canvas.new_figure()
    canvas.head(figure, "Do the chances come true? (test rows)")
    axes.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=1.5, linestyle="--")
    axes.plot(calibration.predicted, calibration.observed, color=canvas.BLUE, linewidth=2)
    # Two standard errors of a share, so that nobody reads much into a point of 20 rows.
    spread = 2 * np.sqrt(calibration.observed * (1 - calibration.observed) / calibration.rows)
    low, high = np.maximum(calibration.observed - spread, 0), np.minimum(calibration.observed + spread, 1)
    ends = (calibration.observed - low, high - calibration.observed)
    axes.errorbar(calibration.predicted, calibration.observed, yerr=ends, fmt="o", color=canvas.BLUE, markersize=8)
    _unit_square(axes, float(max(high.max(), calibration.predicted.max())))
    canvas.note(axes, [f"off by {percent(calibration.error, 2)} on average"])
    what = "of the predicted class" if calibration.code is None else f"of '{label(names[calibration.code], 20)}'"
    canvas.label_axes(axes, f"chance {what}, as told", "how often it came true")
    canvas.save(figure, path)


def _merged(confusion: Codes, names: tuple[str, ...]) -> tuple[Codes, list[str]]:
    """At most 12 classes; rows without any test row go, but for those of known classes."""
    labels = [label(name, 14) for name in names]
    counts = confusion
    if len(names) > _MOST_CLASSES:
        order = np.argsort(-confusion.sum(axis=1)[:-1], kind="stable")
        kept, rest = np.sort(order[: _MOST_CLASSES - 1]), order[_MOST_CLASSES - 1 :]
        group = np.full(len(names) + 1, _MOST_CLASSES - 1)
        group[kept] = np.arange(_MOST_CLASSES - 1)
        group[-1] = _MOST_CLASSES
        counts = np.zeros((_MOST_CLASSES + 1, _MOST_CLASSES), dtype=np.int64)
        np.add.at(counts, (group[:, None], group[None, :-1]), confusion)
        labels = [*(labels[code] for code in kept), f"{len(rest)} others"]
    return (counts, [*labels, _UNSEEN]) if counts[-1].any() else (counts[:-1], labels)


def _label_confusion(axes: Any, names: list[str], size: float) -> None:
    columns = [name for name in names if name != _UNSEEN or names.index(name) < len(names) - 1]
    few = len(columns) <= 3
    canvas.label_axes(axes, "predicted", "true")
    canvas.name_ticks(axes.xaxis, columns, size, rotation=0 if few else 45, ha="center" if few else "right")
    canvas.name_ticks(axes.yaxis, names, size)


def _draw_curves(axes: Any, curves: tuple[Curve, ...], names: Any, *, top: bool = False) -> None:
    """The curves, and what each is called in the corner where they are not."""
    _unit_square(axes)
    for number, (color, curve) in enumerate(zip(canvas.COLOURS, curves, strict=False)):
        axes.plot(curve.x, curve.y, color=color, linewidth=2.5, zorder=3)
        text = f"{label(names[curve.code], 18)}: area {digits(curve.area)}"
        box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
        place = {"ha": "right", "va": "bottom", "color": color, "fontweight": "bold", "zorder": 4, "bbox": box}
        height = 0.93 if top else 0.02 + 0.065 * (len(curves) - 1 - number)
        canvas.write(axes, 0.98, height, text, canvas.TEXT, **place)


def _unit_square(axes: Any, most: float = 1.0) -> None:
    """From 0 to 100 %, or to half of it or less where nothing is above."""
    end = 1.0 if most > 0.5 else 1.1 * most
    axes.set_xlim(-0.015 * end, 1.015 * end)
    axes.set_ylim(-0.015 * end, 1.015 * end)
    canvas.percent_ticks(axes.xaxis)
    canvas.percent_ticks(axes.yaxis)
    canvas.clean(axes)
