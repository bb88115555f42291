"""What all pictures share: their size, letters and colours.

They are read on a phone: 780 dots wide, letters of 3 % of that. Colours are Okabe and Ito's, which people who see no
red or no green tell apart. There is no pyplot and no shared state, so that jobs can draw at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator, NullLocator

from ray_jobs.report.numbers import tick_labels

DPI = 130
WIDTH = 6.0  #: inches
TITLE, TEXT, SMALL = 15.0, 13.0, 11.0
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
GREY = "#777777"
_FAMILY = "DejaVu Sans"  # comes with matplotlib


def new_figure(rows: int = 1, columns: int = 1, height: float = WIDTH, **options: Any) -> tuple[Figure, Any]:
    """A figure, and its axes as matplotlib's `subplots` gives them."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **options)


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png", dpi=DPI)


def head(figure: Figure, text: str) -> None:
    """What the picture is, over its whole width."""
    figure.suptitle(text, x=0.01, horizontalalignment="left", fontsize=TITLE, fontfamily=_FAMILY)


def title(axes: Any, text: str) -> None:
    """What one of several panels is."""
    axes.set_title(safe(text), fontsize=TEXT, fontfamily=_FAMILY, parse_math=False, loc="left")


def label_axes(axes: Any, x: str = "", y: str = "", size: float = TEXT) -> None:
    # From the right and from the top: there is room on the other side, where the names of the ticks are.
    axes.set_xlabel(safe(x), fontsize=size, fontfamily=_FAMILY, parse_math=False, loc="right")
    axes.set_ylabel(safe(y), fontsize=size, fontfamily=_FAMILY, parse_math=False, loc="top")
    axes.tick_params(labelsize=size - 1)


def write(axes: Any, x: float, y: float, text: str, size: float = TEXT, **options: Any) -> None:
    axes.text(x, y, safe(text), fontsize=size, fontfamily=_FAMILY, parse_math=False, **options)


def name_ticks(axis: Any, names: list[str], size: float = TEXT, **options: Any) -> None:
    """Names at 0, 1, 2... of `axes.xaxis` or `axes.yaxis`."""
    axis.set_ticks(range(len(names)))
    axis.set_ticklabels([safe(name) for name in names], fontsize=size, fontfamily=_FAMILY, **options)
    for label in axis.get_ticklabels():
        label.set_parse_math(False)


def number_ticks(axis: Any, most: int = 6, *, whole: bool = False) -> None:
    axis.set_major_locator(MaxNLocator(nbins=most, min_n_ticks=2, integer=whole))
    axis.set_major_formatter(_Ticks(tick_labels))


def logarithmic(axes: Any) -> None:
    """Both axes logarithmic, with the same numbers as the others, not powers of ten."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(_Ticks(tick_labels))


def percent_ticks(axis: Any) -> None:
    axis.set_major_formatter(_Ticks(lambda values: [f"{round(100 * value, 1):g} %" for value in values]))


def note(axes: Any, lines: list[str]) -> None:
    """Small print in the upper left corner."""
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    write(axes, 0.02, 0.98, "\n".join(lines), SMALL, transform=axes.transAxes, ha="left", va="top", bbox=box)


def clean(axes: Any) -> None:
    """Without the upper and right line, with a light grid behind."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)


def safe(text: str) -> str:
    """`text` in letters that the font has; a box for each of the others."""
    known = _letters()
    return "".join(letter if letter == "\n" or ord(letter) in known else "□" for letter in text)


@cache
def _letters() -> frozenset[int]:
    font = get_font(findfont(FontProperties(family=_FAMILY)))
    return frozenset(font.get_charmap())


class _Ticks(Formatter):
    """Labels that are made for all ticks together."""

    def __init__(self, labels: Callable[[list[float]], list[str]]) -> None:
        self._labels = labels

    def __call__(self, value: float, position: int | None = None) -> str:
        return self._labels([value])[0]

    def format_ticks(self, values: Any) -> list[str]:
        return self._labels([float(value) for value in values])
