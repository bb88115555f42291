"""What a person should know about a table before training, each with its reason and its numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ray_jobs.problems import clip, listed
from ray_jobs.profiling.kinds import key_reason
from ray_jobs.schema import Column
from ray_jobs.spec import Finding
from ray_jobs.target import Target

#: Classes with fewer rows than this can hardly be learned, and their scores say little.
FEWEST_OF_A_CLASS = 10
#: The rarest class below this share, or the commonest more than 20 times as common, is an imbalance.
RAREST_SHARE = 0.05
COMMONEST_TO_RAREST = 20
#: Columns with more missing values than this share are named.
MUCH_MISSING = 0.5
_MOST_COLUMNS = 50


def findings(frame: pd.DataFrame, target: Target | None, columns: tuple[Column, ...]) -> tuple[Finding, ...]:
    """What stands out in `columns` of the table, the weightiest first. Raises nothing for any table.

    `frame`: the table as it was read, or its rows conformed to `columns`. `target` as `target_of` that very frame.
    """
    found: list[Finding] = []
    if target is not None and target.classes is not None:
        found += class_findings(target)
    found += column_findings(frame, columns)
    return tuple(found)


def class_findings(target: Target) -> list[Finding]:
    """Classes under 10 rows, and a strong imbalance of the others."""
    assert target.classes is not None
    names = target.classes.names
    counts = np.bincount(target.values.astype(np.int64), minlength=len(names))
    found = []
    rare = [(names[code], int(counts[code])) for code in np.argsort(counts, kind="stable") if counts[code] < 10]
    if rare:
        shown = listed(name for name, _ in rare)
        found.append(
            _finding(
                "rare_classes",
                f"{_count(len(rare), 'class has', 'classes have')} fewer than {FEWEST_OF_A_CLASS} rows, "
                f"too few to learn and to judge by: {shown}.",
            )
        )
    enough = np.flatnonzero(counts >= FEWEST_OF_A_CLASS)
    if len(enough) >= 2:
        least, most = enough[counts[enough].argmin()], enough[counts[enough].argmax()]
        share = counts[least] / counts.sum()
        if share < RAREST_SHARE or counts[most] > COMMONEST_TO_RAREST * counts[least]:
            found.append(
                _finding(
                    "imbalance",
                    f"The classes are far from equally common: '{clip(names[least], 80)}' has {counts[least]:,} rows "
                    f"({share:.1%}), '{clip(names[most], 80)}' has {counts[most]:,}. Judge by balanced accuracy or "
                    "PR AUC; accuracy alone looks good for a model that never answers the rare one.",
                )
            )
    return found


def column_findings(frame: pd.DataFrame, columns: tuple[Column, ...]) -> list[Finding]:
    """Identifiers, constants, and columns with many gaps."""
    keys, constants, gaps = [], [], []
    for column in columns:
        values = frame[column.name]
        if column.kind == "constant":
            constants.append(column.name)
        elif key_reason(values, column):
            keys.append(column.name)
        share = float(values.isna().mean())
        if MUCH_MISSING <= share < 1:
            gaps.append((share, column.name))
    found = []
    if keys:
        found.append(_finding("identifier", f"They look like identifiers, of no use to a model: {listed(keys)}.", keys))
    if constants:
        found.append(_finding("constant", f"They have one value or none: {listed(constants)}.", constants))
    if gaps:
        gaps.sort(reverse=True)
        shown = ", ".join(f"'{clip(name, 80)}' ({share:.0%})" for share, name in gaps[:8])
        more = f" and {len(gaps) - 8} more" if len(gaps) > 8 else ""
        found.append(_finding("missing", f"Most values are missing in {shown}{more}.", [name for _, name in gaps]))
    return found


def _finding(code: str, message: str, columns: Iterable[str] = ()) -> Finding:
    return Finding.model_validate(
        {"code": code, "message": clip(message, 2000), "columns": tuple(columns)[:_MOST_COLUMNS]}
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
