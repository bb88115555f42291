"""Pictures of a regression: predicted against actual values, and how the errors are spread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ray_jobs.evaluation.outcome import Floats, Measured
from ray_jobs.report import canvas
from ray_jobs.report.letters import label
from ray_jobs.report.numbers import percent, short, whole

#: A few values far out would press all others into one corner: where the whole range is so many times that of 99 % of
#: the rows, the picture shows those.
_FAR_OUT = 4.0
#: Ends of a logarithmic axis: with its margins it stays within floating point.
_SMALLEST, _LARGEST = 1e-280, 1e280


def draw_predicted(path: Path, measured: Measured, target: str) -> None:
    """Each point is a test row, the line is where a perfect model would put it, the band the prediction interval.
    Logarithmic where the values are above zero and a thousandfold apart.
    """
    values = np.concatenate([measured.actual, measured.predicted])
    logarithmic = _SMALLEST < float(values.min()) < float(values.max()) / 1000 < _LARGEST
    low, high, outside = (*_ends(np.log(values), np.exp), 0) if logarithmic else shown_range(values)
    figure, axes = canvas.new_figure()
    canvas.head(figure, "Predicted against actual (test rows)")
    notes = [f"{whole(outside)} values lie outside the picture"] if outside else []
    line = (np.geomspace if logarithmic else np.linspace)(low, high, 200)
    if interval := measured.interval:
        notes.insert(0, f"band: holds {percent(interval.level)} of the rows")
        # A row lies in its interval where actual - above <= predicted <= actual + below.
        below, above = line - interval.above, line + interval.below
        axes.fill_between(line, np.maximum(below, low), above, color=canvas.ORANGE, alpha=0.25, linewidth=0)
    axes.plot(line, line, color=canvas.GREY, linewidth=1.5)
    alpha = 0.6 if len(measured.actual) < 500 else 0.3
    axes.scatter(measured.actual, measured.predicted, s=16, alpha=alpha, color=canvas.BLUE, edgecolors="none")
    _number_axes(axes, f"actual {label(target, 30)}", "predicted", logarithmic=logarithmic)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    canvas.note(axes, notes)
    canvas.save(figure, path)


def draw_residuals(path: Path, measured: Measured) -> None:
    """Above, how many rows are how far off; below, whether large predictions are further off than small ones."""
    residuals = measured.actual - measured.predicted
    low, high, outside = shown_range(np.append(residuals, 0.0))
    figure, (upper, lower) = canvas.new_figure(rows=2)
    canvas.head(figure, "How far off: actual less predicted")
    upper.hist(residuals, bins=np.linspace(low, high, 31).tolist(), color=canvas.BLUE, zorder=2)
    upper.axvline(0, color=canvas.GREY, linewidth=1.5)
    upper.margins(y=0.3)
    notes = [f"{whole(outside)} rows lie outside the picture"] if outside else []
    if interval := measured.interval:
        upper.axvspan(-interval.below, interval.above, color=canvas.ORANGE, alpha=0.25, linewidth=0, zorder=1)
        notes.insert(0, f"{percent(interval.level)}: -{short(interval.below)} to +{short(interval.above)}")
    upper.set_xlim(low, high)
    _number_axes(upper, "", "rows")
    canvas.number_ticks(upper.yaxis, 5, whole=True)
    canvas.note(upper, notes)
    left, right, _ = shown_range(measured.predicted)
    lower.scatter(measured.predicted, residuals, s=14, alpha=0.3, color=canvas.BLUE, edgecolors="none")
    lower.axhline(0, color=canvas.GREY, linewidth=1.5)
    _number_axes(lower, "predicted", "off by")
    lower.set_xlim(left, right)
    lower.set_ylim(low, high)
    canvas.save(figure, path)


def shown_range(values: Floats) -> tuple[float, float, int]:
    """Both ends, a little wider than the values, and how many values lie outside: those far out are not shown."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(end) for end in np.quantile(values, (0.005, 0.995)))
    outside = 0
    if high - low > _FAR_OUT * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
        outside = int(np.count_nonzero((values < low) | (values > high)))
    return *_ends(np.array([low, high])), outside


def _ends(values: Floats, back: Callable[[float], float] = float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.03 * (high - low) or abs(high) * 0.1 or 1.0
    return float(back(low - margin)), float(back(high + margin))


def _number_axes(axes: Any, x: str, y: str, *, logarithmic: bool = False) -> None:
    canvas.label_axes(axes, x, y)
    if logarithmic:
        canvas.logarithmic(axes)
    else:
        canvas.number_ticks(axes.xaxis)
        canvas.number_ticks(axes.yaxis)
    canvas.clean(axes)
