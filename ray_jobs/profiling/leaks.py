"""Columns that may know the answer: one that alone predicts the target almost perfectly, or whose gaps tell it.

Each column goes alone through a small tree with cross-validation. Two rules make a suspect, with thresholds chosen
on real tables, which the tests hold:

- almost perfect: a ROC AUC of at least 0.995 (mean over the classes, one against the rest), or an R2 of at least 0.98;
- far ahead: an AUC of at least 0.9 or an R2 of at least 0.75, while it leaves less than a third of what the best of at
  least five other columns leaves to explain. So flights' departure delay is found (0.94 beside 0.72), and the breast
  cancer set, where many columns are good, is not complained about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ray_jobs.problems import clip, listed
from ray_jobs.profiling.alone import scores_alone
from ray_jobs.profiling.numbers import Looked
from ray_jobs.profiling.wording import finding, listed_with
from ray_jobs.spec import Finding, Task

_ALMOST_PERFECT: dict[Task, float] = {"classification": 0.995, "regression": 0.98}
_GOOD: dict[Task, float] = {"classification": 0.9, "regression": 0.75}
_AHEAD = 3.0
_OTHERS = 5
_MOST_AHEAD = 3
#: Gaps tell something where at least so many rows agree, which by chance would have odds below these.
_AGREEING = 30
_CHANCE = 1e-6
_NEARLY = 0.995


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A column that may know the answer."""

    name: str
    score: float  #: ROC AUC or R2 of it alone
    far_ahead: bool  #: it is not almost perfect, but far better than all others


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Columns whose being empty, or filled in, goes with one class."""

    names: tuple[str, ...]
    filled: bool
    label: str
    rows: int  #: of the first of them
    agreeing: int  #: and how many of these have the label
    looked_at: int | None  #: rows of the table that were looked at; None: all


def leak_findings(looked: Looked) -> list[Finding]:
    """Columns that may know the answer. `looked` has a target."""
    assert looked.target is not None
    name = clip(looked.target.name, 80)
    measure = "ROC AUC" if looked.target.classes else "R2"
    found = suspects(looked)
    told = []
    for far_ahead in (False, True):
        if some := [suspect for suspect in found if suspect.far_ahead is far_ahead]:
            told.append(_suspect_finding(some, name, measure))
    return told + [_telling_finding(telling, name) for telling in telling_gaps(looked)]


def suspects(looked: Looked) -> list[Suspect]:
    """The columns that alone predict the target almost perfectly, or far better than any other; the best first."""
    assert looked.target is not None
    task = looked.target.task
    scores = scores_alone(looked)
    order = sorted(scores, key=lambda name: -scores[name])
    perfect = [name for name in order if scores[name] >= _ALMOST_PERFECT[task]]
    ahead = _far_ahead(order[len(perfect) :], scores, task)
    return [Suspect(name=name, score=scores[name], far_ahead=name in ahead) for name in [*perfect, *ahead]]


def telling_gaps(looked: Looked) -> list[Telling]:
    """Columns that are empty, or filled in, only where the answer is one class: the likeliest sign of a column that is
    written after the fact. Columns that say the same stand together.
    """
    assert looked.target is not None
    classes = looked.target.classes
    if classes is None:
        return []
    answers = looked.answers.astype(np.int64)
    found: dict[tuple[bool, int], list[tuple[int, int, str]]] = {}
    overall = np.bincount(answers, minlength=len(classes.labels)) / max(1, len(answers))
    for name, empty in looked.empty.items():
        for filled, rows in ((False, empty), (True, ~empty)):
            number = int(rows.sum())
            if not _AGREEING <= number < len(rows):
                continue
            counts = np.bincount(answers[rows], minlength=len(overall))
            code = int(counts.argmax())
            by_chance = overall[code] ** counts[code]
            if counts[code] >= max(_AGREEING, _NEARLY * number) and by_chance < _CHANCE:
                found.setdefault((filled, code), []).append((number, int(counts[code]), name))
    told, looked_at = [], None if looked.whole else len(answers)
    for (filled, code), columns in found.items():
        columns.sort(key=lambda column: -column[0])
        names = tuple(name for _, _, name in columns)
        number, agreeing, _ = columns[0]
        told.append(
            Telling(
                names=names,
                filled=filled,
                label=classes.names[code],
                rows=number,
                agreeing=agreeing,
                looked_at=looked_at,
            )
        )
    return told


def _far_ahead(order: list[str], scores: dict[str, float], task: Task) -> list[str]:
    for count in range(1, _MOST_AHEAD + 1):
        if len(order) - count < _OTHERS or scores[order[count - 1]] < _GOOD[task]:
            break
        if 1 - scores[order[count - 1]] < (1 - max(0.0, scores[order[count]])) / _AHEAD:
            return order[:count]
    return []


def _suspect_finding(some: list[Suspect], target: str, measure: str) -> Finding:
    scores = listed_with([(suspect.name, f"{measure} {suspect.score:.3f}") for suspect in some])
    one = len(some) == 1
    how = "far better than the other columns" if some[0].far_ahead else "almost perfectly"
    return finding(
        "leak",
        f"Possible leak: {scores} alone {'predicts' if one else 'predict'} '{target}' {how}. If "
        f"{'it is' if one else 'they are'} not known yet when you want to predict, exclude {'it' if one else 'them'}.",
        [suspect.name for suspect in some],
    )


def _telling_finding(telling: Telling, target: str) -> Finding:
    one = len(telling.names) == 1
    where = f"where {listed(telling.names)} {'is' if one else 'are'} {'filled in' if telling.filled else 'empty'}"
    always = "always" if telling.agreeing == telling.rows else "nearly always"
    agreeing = f"{telling.agreeing:,} of {telling.rows:,} rows"
    if telling.looked_at is not None:
        agreeing += f", in {telling.looked_at:,} that were looked at"
    return finding(
        "leak",
        f"Possible leak: {where}, '{target}' is {always} '{clip(telling.label, 80)}' ({agreeing}). If "
        f"{'that column is' if one else 'those columns are'} written after the outcome, exclude "
        f"{'it' if one else 'them'}.",
        telling.names,
    )
