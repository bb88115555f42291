"""A table at first sight: what the form card shows before Run, and what a profile begins with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ray_jobs.place import Place
from ray_jobs.problems import Refused, clip
from ray_jobs.profiling.estimates import estimated
from ray_jobs.profiling.findings import findings
from ray_jobs.profiling.kinds import Look, look_at
from ray_jobs.profiling.proposals import propose_targets
from ray_jobs.reading.source import Source
from ray_jobs.schema import facts
from ray_jobs.spec import DataFacts, Finding, ProblemCode, Proposal
from ray_jobs.target import Target, target_column, target_of

_MOST_ROWS = 100_000
_MOST_COLUMNS = 2000
_MOST_CLASSES_TOLD = 50
_MOST_LEFT_OUT = 200
_MOST_WARNINGS = 20


@dataclass(frozen=True, kw_only=True)
class FirstLook:
    """What a sample of a table shows."""

    frame: pd.DataFrame  #: the sample; the whole table where that is no larger
    looks: tuple[Look, ...]  #: of its columns, at most 2,000
    target: Target | None
    findings: tuple[Finding, ...]
    facts: DataFacts


def first_look(place: Place, source: Source, target: str | None) -> FirstLook:
    """Looks at 100,000 rows at most. Raises Refused where there is no table, or `target` can't be learned."""
    frame = source.sample(_MOST_ROWS)
    rows, exact = source.rows()
    sampled = len(frame) < rows
    looks = tuple(look_at(frame[name]) for name in frame.columns[:_MOST_COLUMNS])
    found, notes = _target(frame, target, sampled=sampled)
    columns = tuple(look.column for look in looks if found is None or look.name != found.name)
    told = findings(frame, found, columns, rows if sampled else None)
    if len(frame.columns) > _MOST_COLUMNS:
        notes.append(f"The table has {len(frame.columns):,} columns; the first {_MOST_COLUMNS:,} are listed.")
    estimate = estimated(
        place,
        table_memory=source.memory(),
        file_bytes=source.bytes,
        rows=rows,
        columns=max(1, sum(not look.useless for look in looks)),
        classes=len(found.classes.labels) if found and found.classes else 0,
    )
    told_of_target = {} if found is None else _target_facts(found)
    if target and found is None:
        told_of_target = {"target": clip(target.strip())}
    summary = DataFacts.model_validate(
        {
            "path": source.shown,
            "files": len(source.files),
            "bytes": source.bytes,
            "rows": rows,
            "rows_exact": exact,
            "rows_sampled": len(frame) if sampled else 0,
            "columns": tuple(facts(frame[look.name], look.kind) for look in looks),
            "targets": propose_targets(frame, looks),
            "left_out": _left_out(looks, found),
            "memory": estimate.memory,
            "streamed": estimate.streamed,
            "seconds": estimate.seconds,
            "warnings": _warnings(told, notes, source.warnings),
            **told_of_target,
        }
    )
    return FirstLook(frame=frame, looks=looks, target=found, findings=told, facts=summary)


def _target(frame: pd.DataFrame, name: str | None, *, sampled: bool) -> tuple[Target | None, list[str]]:
    """The target, and what is to be said about it. A sample can't refuse for having seen one value only."""
    if not name:
        return None, []
    try:
        found = target_of(frame, str(target_column(frame, name).name), None)
    except Refused as refusal:
        if sampled and refusal.problem.code in (ProblemCode.TARGET_CONSTANT, ProblemCode.TARGET_EMPTY):
            return None, [f"In the {len(frame):,} rows that were looked at, '{clip(name, 80)}' has one value or none."]
        raise
    return found, list(found.warnings)


def _target_facts(target: Target) -> dict[str, object]:
    told: dict[str, object] = {"target": target.name, "task": target.task}
    if target.classes is None:
        return told
    names = target.classes.names
    counts = np.bincount(target.values.astype(np.int64), minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:_MOST_CLASSES_TOLD]
    return {**told, "classes": len(names), "balance": {names[code]: int(counts[code]) for code in order}}


def _left_out(looks: tuple[Look, ...], target: Target | None) -> tuple[Proposal, ...]:
    useless = [look for look in looks if look.useless and (target is None or look.name != target.name)]
    return tuple(
        Proposal(name=look.name, reason=f"{look.useless[0].upper()}{look.useless[1:]}.")
        for look in useless[:_MOST_LEFT_OUT]
    )


def _warnings(found: tuple[Finding, ...], notes: list[str], of_reader: tuple[str, ...]) -> tuple[str, ...]:
    """The weightiest first, as a card shows the first ones."""
    leaks = [each.message for each in found if each.code == "leak"]
    others = [each.message for each in found if each.code != "leak"]
    told = dict.fromkeys([*leaks, *notes, *others, *of_reader])
    return tuple(clip(each, 2000) for each in told)[:_MOST_WARNINGS]
