"""What a person should know about a table before training, each with its reason and its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ray_jobs.problems import clip, listed
from ray_jobs.profiling.copies import copied_row_findings, same_column_findings
from ray_jobs.profiling.drift import drift_findings
from ray_jobs.profiling.kinds import key_reason
from ray_jobs.profiling.leaks import leak_findings
from ray_jobs.profiling.numbers import Looked, look_over
from ray_jobs.profiling.wording import counted, finding, listed_with, share_text
from ray_jobs.profiling.written import written_number_findings
from ray_jobs.schema import Column
from ray_jobs.spec import Finding
from ray_jobs.target import Target

#: Rows that are looked at; the search for copies of rows has a bound of its own.
_ROWS = 20_000
#: Classes with fewer rows than this can hardly be learned, and their scores say little.
_FEWEST_OF_A_CLASS = 10
#: The rarest class below this share, or the commonest more than 20 times as common, is an imbalance.
_RAREST_SHARE = 0.05
_COMMONEST_TO_RAREST = 20
_MUCH_MISSING = 0.5


def findings(
    frame: pd.DataFrame, target: Target | None, columns: tuple[Column, ...], rows: int | None = None
) -> tuple[Finding, ...]:
    """What stands out in `columns` of the table, the weightiest first. Refuses no table.

    `frame`: the table as it was read; or a sample of it, then `rows` is the number that the table has. `target`:
    `target_of` that very frame. Of a large frame 20,000 rows are looked at, spread evenly, and 100,000 for copies of
    rows: so hand over what is in memory.
    """
    sampled = rows is not None and rows > len(frame)
    keys = [column for column in columns if key_reason(frame[column.name], column)]
    constants = [column for column in columns if column.kind == "constant"]
    useful = tuple(column for column in columns if column not in keys and column not in constants)
    found: list[Finding] = []
    with np.errstate(all="ignore"):  # what comes of the largest and smallest numbers is no reason to complain
        looked = look_over(frame, target, useful, _ROWS, sampled=sampled)
        if target is not None:
            found += leak_findings(looked)
        found += copied_row_findings(frame, target, useful, sampled=sampled)
        found += drift_findings(looked)
        if target is not None and target.classes is not None:
            found += class_findings(target, rows / len(frame) if rows and sampled else 1.0)
        found += written_number_findings(frame, useful)
        found += same_column_findings(looked)
    found += _useless_findings([column.name for column in keys], [column.name for column in constants])
    return (*found, *_missing_findings(looked))


def class_findings(target: Target, times: float = 1.0) -> list[Finding]:
    """Classes under 10 rows, and a strong imbalance of the others. `target` has classes; the table has `times` as many
    rows.
    """
    assert target.classes is not None
    names, about = target.classes.names, "about " if times > 1 else ""
    counts = np.round(times * np.bincount(target.values.astype(np.int64), minlength=len(names))).astype(np.int64)
    few = [int(code) for code in np.argsort(counts, kind="stable") if counts[code] < _FEWEST_OF_A_CLASS]
    found = []
    if few:
        shown = listed_with([(names[code], f"{counts[code]}") for code in few])
        found.append(
            finding(
                "rare_classes",
                f"{counted(len(few), 'class has', 'classes have')} fewer than {_FEWEST_OF_A_CLASS} rows, too few to "
                f"learn and to judge by: {shown}.",
            )
        )
    enough = np.flatnonzero(counts >= _FEWEST_OF_A_CLASS)
    if len(enough) < 2:
        return found
    rarest, commonest = enough[counts[enough].argmin()], enough[counts[enough].argmax()]
    share = float(counts[rarest] / counts.sum())
    if share < _RAREST_SHARE or counts[commonest] > _COMMONEST_TO_RAREST * counts[rarest]:
        rare = f"'{clip(names[rarest], 80)}' has {about}{counts[rarest]:,} rows ({share_text(share)})"
        common = f"'{clip(names[commonest], 80)}' has {about}{counts[commonest]:,}"
        found.append(
            finding(
                "imbalance",
                f"The classes are far from equally common: {rare}, {common}. Accuracy looks good then even for a model "
                "that never answers the rare one; judge by balanced accuracy.",
            )
        )
    return found


def _useless_findings(keys: list[str], constants: list[str]) -> list[Finding]:
    found = []
    if keys:
        found.append(finding("identifier", f"As good as unique, so of no use to a model: {listed(keys)}.", keys))
    if constants:
        found.append(
            finding("constant", f"One value or none, so of no use to a model: {listed(constants)}.", constants)
        )
    return found


def _missing_findings(looked: Looked) -> list[Finding]:
    shares = sorted(((float(empty.mean()), name) for name, empty in looked.empty.items()), reverse=True)
    many = [(name, share_text(share)) for share, name in shares if share >= _MUCH_MISSING]
    if not many:
        return []
    return [finding("missing", f"Most values are missing in {listed_with(many)}.", [name for name, _ in many])]
