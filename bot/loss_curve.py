"""The losses that a network has told so far, as a picture for a phone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.language import tr
from head.api import Event, Progress

#: Fewer make no line.
FEWEST = 2
_ROUND = re.compile(r"\b(?:epoch|pass) (\d{1,9}) of ", re.ASCII)
_FAR = 1e30  #: beyond it no axis can be drawn
_BLUE, _ORANGE = "#0072B2", "#E69F00"  #: which people who see no red or no green tell apart


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What one pass over the rows came to."""

    epoch: int
    learned: float  #: of the rows that are learned from
    held: float | None  #: of rows that are not


def losses(events: Iterable[Event]) -> list[Loss]:
    """In order, of the newest network that is told of: a fold or another try begins again at its first epoch."""
    found: list[Loss] = []
    for event in events:
        if not isinstance(event, Progress):
            continue
        number, loss, held = _ROUND.search(event.step), event.metrics.get("loss"), event.metrics.get("val_loss")
        if number is None or loss is None or abs(loss) > _FAR:
            continue
        point = Loss(epoch=int(number[1]), learned=loss, held=None if held is None or abs(held) > _FAR else held)
        if found and point.epoch <= found[-1].epoch:
            found = []
        found.append(point)
    return found


def picture(found: list[Loss]) -> bytes:
    """A PNG in the reader's language. Takes some time, so it is for a thread of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 40 MB, which most servers never need
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.0, 4.0), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([it.epoch for it in found], [it.learned for it in found], color=_BLUE, label=tr("rows learned from"))
    held = [(it.epoch, it.held) for it in found if it.held is not None]
    if held:
        axes.plot(*zip(*held, strict=True), color=_ORANGE, label=tr("held-out rows"))
        best = min(held, key=lambda point: point[1])
        axes.plot(*best, marker="o", color=_ORANGE)
    axes.set_xlabel(tr("epoch"), fontsize=13, loc="right")
    axes.set_ylabel(tr("loss"), fontsize=13, loc="top")
    axes.tick_params(labelsize=12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#DDDDDD", linewidth=0.8)
    axes.legend(fontsize=12, frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=130)
    return drawn.getvalue()
