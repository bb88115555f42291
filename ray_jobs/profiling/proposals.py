"""Columns that a person may want to predict, the likeliest first, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ray_jobs.problems import clip
from ray_jobs.profiling.kinds import Look
from ray_jobs.schema import words_of
from ray_jobs.spec import Proposal
from ray_jobs.target import infer_task

MOST = 5
#: Names that are given to what is to be predicted, and hardly to anything else.
_SURE = {"target", "label", "labels", "outcome", "y", "churn", "churned", "default", "response", "survived", "fraud"}
_SURE |= {"class", "species", "diagnosis", "attrition", "converted", "cancelled", "canceled", "dropout", "ziel"}
#: Names of what is often predicted.
_LIKELY = {"price", "sales", "revenue", "income", "salary", "cost", "demand", "amount", "charges", "score", "rating"}
_LIKELY |= {"result", "status", "quality", "risk", "delay", "duration", "value", "category", "type", "yield", "grade"}
_LIKELY |= {"late", "profit", "consumption", "count", "cnt", "quantity", "preis", "umsatz", "verkauf", "preço"}
#: Nobody predicts the date.
_CALENDAR = {"year", "month", "day", "weekday", "week", "quarter", "hour", "minute", "second", "date", "time"}
_FEW_CLASSES = 20
_MUCH_MISSING = 0.5
#: Rows that are judged by, spread evenly.
_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class _Judged:
    proposal: Proposal
    points: int


def propose_targets(frame: pd.DataFrame, looks: tuple[Look, ...]) -> tuple[Proposal, ...]:
    """At most five columns, the likeliest first.

    A sure name counts 4 points, a name of what is often predicted 2, the last column 3, the first 1; two classes 2, a
    few classes or a varying number 1. Constants, identifiers, dates, parts of a date, free text, mostly empty
    columns and text with more than 20 classes are not proposed. Equal points: as in the table.
    """
    judged = []
    frame = frame.iloc[:: max(1, len(frame) // _ROWS)]
    for number, look in enumerate(looks):
        values = frame[look.name]
        if look.useless or look.kind in ("date", "text") or values.isna().mean() > _MUCH_MISSING:
            continue
        words = set(words_of(look.name))
        if words & _CALENDAR and not words & (_SURE | _LIKELY):
            continue
        if found := _judged(values.dropna(), look, first=number == 0, last=number == len(looks) - 1):
            judged.append(found)
    judged.sort(key=lambda each: -each.points)
    return tuple(each.proposal for each in judged[:MOST])


def _judged(values: pd.Series, look: Look, *, first: bool, last: bool) -> _Judged | None:
    task = infer_task(values.astype(bool) if look.column.kind == "boolean" else values)
    distinct = int(values.nunique())
    if task == "classification" and distinct > _FEW_CLASSES:
        return None
    points, reasons = 0, []
    words = {*words_of(look.name), look.name.strip().lower()}
    if words & _SURE:
        points += 4
        reasons.append("its name is that of a target")
    elif words & _LIKELY:
        points += 2
        reasons.append("its name is that of something often predicted")
    if last:
        points += 3
        reasons.append("it is the last column")
    elif first:
        points += 1
    if task == "classification":
        points += 2 if distinct == 2 else 1
        reasons.append("it has two classes" if distinct == 2 else f"it has {distinct} classes")
    else:
        points += 1
        reasons.append("it is a number")
    text = ", ".join(reasons[:-1]) + " and " + reasons[-1] if len(reasons) > 1 else reasons[0]
    proposal = Proposal(name=clip(look.name), reason=text[0].upper() + text[1:] + ".")
    return _Judged(proposal=proposal, points=points)
