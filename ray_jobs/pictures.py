"""One picture of a model, drawn for a phone: what it takes for what, or predicted against actual."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ray_jobs.problems import clip

_MOST_CLASSES = 12
_MOST_POINTS = 5000
_DPI = 130


def draw_confusion(path: Path, truth: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[str]) -> None:
    """Writes a PNG: rows are the true classes, each row adds up to 100 %. The rarer classes of many are put
    together.
    """
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    labels = [clip(name, 14) for name in names]
    if len(names) > _MOST_CLASSES:
        order = np.argsort(-counts.sum(axis=1), kind="stable")
        kept, rest = np.sort(order[: _MOST_CLASSES - 1]), order[_MOST_CLASSES - 1 :]
        group = np.full(len(names), _MOST_CLASSES - 1)
        group[kept] = np.arange(_MOST_CLASSES - 1)
        merged = np.zeros((_MOST_CLASSES, _MOST_CLASSES), dtype=np.int64)
        np.add.at(merged, (group[truth], group[predicted]), 1)
        counts, labels = merged, [labels[code] for code in kept] + [f"{len(rest)} others"]
    figure, axes = _figure("Which class is taken for which (test rows)")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=color, fontsize=9)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    _save(figure, path)


def draw_predicted(path: Path, truth: NDArray[np.float64], predicted: NDArray[np.float64], target: str) -> None:
    """Writes a PNG: each point is a test row (at most 5,000 of them), the line is where a perfect model would put
    it.
    """
    step = max(1, len(truth) // _MOST_POINTS)
    truth, predicted = truth[::step], predicted[::step]
    figure, axes = _figure("Predicted against actual (test rows)")
    axes.scatter(truth, predicted, s=12, alpha=0.4, color="#1f6fb4", edgecolors="none")
    ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    axes.plot(ends, ends, color="#888888", linewidth=1)
    axes.set_xlabel(f"actual {clip(target, 40)}", parse_math=False)
    axes.set_ylabel("predicted")
    _save(figure, path)


def _figure(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6, 6), layout="constrained")
    FigureCanvasAgg(figure)  # no screen, no pyplot, no state shared between jobs
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=12)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks become boxes; the names stand in the text too
        figure.savefig(path, dpi=_DPI)
