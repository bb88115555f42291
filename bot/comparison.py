"""Two models side by side, as wide as a phone."""

from __future__ import annotations

from datetime import datetime

from bot import amounts
from bot.html import Html, clip, fill, lines
from bot.language import tr
from bot.named_models import called
from bot.results import METRICS, is_better, model_title, place_title
from head.api import ModelView

_WORD, _VALUE = 17, 9


def compared(one: ModelView, other: ModelView, now: datetime) -> Html:
    """What they are, then every number that either has; a star marks the better one."""
    results = one.result, other.result
    numbers = [
        _numbers(tr(METRICS[name]), name, results[0].metrics.get(name), results[1].metrics.get(name))
        for name in METRICS
        if name in results[0].metrics or name in results[1].metrics
    ]
    facts = [
        _row(tr("Learned from"), *(amounts.number(result.rows_train) for result in results)),
        _row(tr("Tested on"), *(amounts.number(result.rows_test) for result in results)),
        _row(tr("Columns"), *(amounts.number(len(result.features)) for result in results)),
        _row(tr("Learning took"), *(amounts.duration(result.train_seconds) for result in results)),
    ]
    return lines(
        _heading("1", one, now),
        _heading("2", other, now),
        _row("", "1", "2"),
        *numbers,
        *facts,
        *_notes(one, other),
    )


def _heading(number: str, model: ModelView, now: datetime) -> Html:
    return fill(
        "{number}. <b>{name}</b>: {kind} for {target}, {data}, {age}, on {where}",
        number=number,
        name=called(model, 40),
        kind=clip(model_title(model.result.model), 40),
        target=clip(model.result.target, 40),
        data=clip(model.data, 40) or tr("a table"),
        age=amounts.ago(model.created, now),
        where=place_title(model.place, model.place_name),
    )


def _numbers(word: str, name: str, one: float | None, other: float | None) -> Html:
    shown = ["" if value is None else amounts.metric(value) for value in (one, other)]
    if one is not None and other is not None and shown[0] != shown[1] and name not in _NEITHER_WAY:
        better = 0 if is_better(name, one, other) else 1
        shown[better] += "*"
    return _row(word, *shown)


def _row(word: str, one: str, other: str) -> Html:
    return fill("<code>{row}</code>", row=f"{word:<{_WORD}.{_WORD}}{one:>{_VALUE}}{other:>{_VALUE}}")


#: Numbers of which more is neither better nor worse.
_NEITHER_WAY = {"interval_coverage", "interval_width"}


def _notes(one: ModelView, other: ModelView) -> list[Html]:
    if one.result.target != other.result.target or one.result.task != other.result.task:
        return [fill("⚠️ They predict different things, so their numbers say nothing about each other.")]
    if one.data != other.data:
        different = fill("⚠️ They were tested on rows of different files, so small differences mean little.")
        return [different, fill("* is better")]
    return [fill("* is better")]
