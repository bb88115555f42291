"""What the columns of a table are like, in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ray_jobs.evaluation.outcome import LARGEST_DRAWN
from ray_jobs.report import canvas
from ray_jobs.report.letters import label
from ray_jobs.report.number_pictures import shown_range
from ray_jobs.report.numbers import percent
from ray_jobs.spec import Kind

_MOST_PANELS = 12
_MOST_BARS = 5
_PANEL = 2.1  #: inches of height
_MOST_MONTHS = 120


def draw_distributions(path: Path, frame: pd.DataFrame, kinds: Mapping[str, Kind], *, show_values: bool = True) -> None:
    """Writes a PNG of at most 12 panels, two in a row, one for each column of `kinds` in its order: a histogram of
    numbers, bars of the commonest categories and codes, rows per month (per year over ten years) of dates, lengths of
    text. Each has its share of missing values.

    `frame` is a sample where the table is large. `show_values`: False where the machine's owner shares no rows; then no
    category is named and no axis of values has numbers.
    """
    names = [name for name in kinds if name in frame.columns][:_MOST_PANELS]
    rows = max(1, -(-len(names) // 2))
    figure, grid = canvas.new_figure(rows, 2, height=_PANEL * rows + 0.3, squeeze=False)
    for axes, name in zip(grid.flat, names, strict=False):
        _draw_column(axes, frame[name], kinds[name], show_values=show_values)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_axis_off()
    canvas.save(figure, path)


def _draw_column(axes: Any, column: pd.Series, kind: Kind, *, show_values: bool) -> None:
    canvas.title(axes, label(str(column.name), 22))
    canvas.clean(axes)
    values = column.dropna()
    notes: list[str] = []
    if kind == "identifier" or not len(values):
        _say(axes, "all different" if len(values) else "no values")
    elif kind == "constant":
        _say(axes, "one value")
    elif kind == "date":
        notes = _draw_dates(axes, _dates(values))
    elif kind == "number":
        notes = _draw_numbers(axes, _numbers(values))
    elif kind == "text":
        notes = ["letters", *_draw_numbers(axes, values.astype(str).str.len().to_numpy(dtype=np.float64))]
    else:
        _draw_categories(axes, values, show_values=show_values)
    if not show_values:
        axes.set_xticks([])
    if len(values) < len(column):
        notes.append(f"{percent(1 - len(values) / len(column), 2)} missing")
    canvas.label_axes(axes, ", ".join(notes), size=canvas.SMALL)


def _draw_numbers(axes: Any, numbers: Any) -> list[str]:
    shown = numbers[np.abs(numbers) <= LARGEST_DRAWN]
    if not len(shown):
        _say(axes, "too large to draw" if len(numbers) else "no values")
        return []
    low, high, outside = shown_range(shown)
    outside += len(numbers) - len(shown)
    axes.hist(shown, bins=np.linspace(low, high, 25).tolist(), color=canvas.BLUE)
    axes.set_xlim(low, high)
    canvas.number_ticks(axes.xaxis, 3)
    _without_counts(axes)
    return [f"{percent(outside / len(numbers), 2)} outside"] if outside else []


def _draw_dates(axes: Any, dates: pd.Series) -> list[str]:
    if not len(dates):
        _say(axes, "no dates")
        return []
    months = (dates.dt.year * 12 + dates.dt.month - 1).to_numpy()
    by_year = int(np.ptp(months)) > _MOST_MONTHS
    steps = months // 12 if by_year else months
    first, counts = int(steps.min()), np.bincount(steps - steps.min())
    width = 1 if by_year else 1 / 12
    axes.bar((first + np.arange(len(counts))) * width, counts, width=width, align="edge", color=canvas.BLUE)
    if len(counts) > 24 or by_year:
        canvas.number_ticks(axes.xaxis, 3, whole=True)
    else:
        shown = [first + step for step in sorted({0, len(counts) // 2, len(counts) - 1})]
        axes.set_xticks([(month + 0.5) / 12 for month in shown])
        axes.set_xticklabels([f"{month // 12}-{month % 12 + 1:02d}" for month in shown])
    _without_counts(axes)
    return ["per year" if by_year else "per month"]


def _draw_categories(axes: Any, values: pd.Series, *, show_values: bool) -> None:
    counts = values.astype(str).value_counts()
    shares = (counts.iloc[:_MOST_BARS] / counts.sum()).tolist()
    names = [label(name, 12) if show_values else "" for name in counts.index[:_MOST_BARS]]
    if len(counts) > _MOST_BARS:
        shares.append(1 - sum(shares))
        names.append(f"{len(counts) - _MOST_BARS} others")
    colors = [canvas.BLUE] * min(_MOST_BARS, len(counts)) + [canvas.GREY]
    axes.barh(range(len(shares)), shares, color=colors[: len(shares)], height=0.75)
    axes.set_ylim(max(len(shares), 3) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    for row, share in enumerate(shares):
        canvas.write(axes, share, row, f" {percent(share, 2)}", canvas.SMALL - 1, va="center")
    axes.margins(x=0.35)
    axes.set_xlim(left=0)
    axes.set_xticks([])
    canvas.name_ticks(axes.yaxis, names, canvas.SMALL - 1)


def _numbers(values: pd.Series) -> Any:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers[np.isfinite(numbers)]


def _dates(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values
    return pd.to_datetime(values.astype(str), errors="coerce", format="mixed", utc=True).dropna()


def _without_counts(axes: Any) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _say(axes: Any, text: str) -> None:
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    _without_counts(axes)
    canvas.write(axes, 0.5, 0.5, text, color=canvas.GREY, ha="center", va="center", transform=axes.transAxes)
