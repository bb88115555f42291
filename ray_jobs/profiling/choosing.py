"""The columns that a model learns from: every useful one, or what the lists in the spec say."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import pandas as pd

from ray_jobs.problems import Refused, clip, listed, nearest
from ray_jobs.profiling.kinds import useless_reason
from ray_jobs.schema import Column, describe
from ray_jobs.spec import ProblemCode


def choose_features(
    frame: pd.DataFrame, target: str, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns to learn `target` from, in the table's order, and notes about those left out.

    `include` and `exclude` hold names or patterns (`price_*`, `[ab]?`; upper and lower case differ). An entry that is
    a column's very name means that column alone. Without `include` every column but the target is considered.
    Constants and identifiers are left out unless `include` has their name; where nothing else is there, identifiers
    that are numbers, or text in a small table, are kept. The target is never learned from.
    Raises Refused: COLUMN_MISSING where an entry matches no column, NO_FEATURES where none is left.
    """
    names = [str(name) for name in frame.columns]
    wanted, by_name = matched(include, names)
    unwanted, _ = matched(exclude, names)
    notes = []
    if target in wanted:
        notes.append(f"'{clip(target, 80)}' is what is to be predicted, so it is not learned from.")
    considered = [name for name in names if name != target and name not in unwanted and (name in wanted or not wanted)]
    described = [describe(frame[name]) for name in considered]
    useless = [bool(useless_reason(frame[column.name], column)) for column in described]
    pairs = list(zip(described, useless, strict=True))
    kept = [column for column, of_no_use in pairs if not of_no_use or column.name in by_name]
    # Constants that were named are kept beside others; alone they tell nothing.
    if all(column.kind == "constant" for column in kept):
        kept = [column for column in described if column.kind not in ("constant", "text")]
    if not kept:
        raise _nothing_left(target, considered)
    return tuple(kept), [*notes, *_left_out_notes([column for column in described if column not in kept])]


def matched(entries: Iterable[str], names: list[str]) -> tuple[set[str], set[str]]:
    """The names that the entries mean, and those of them that were meant by their own name. Raises
    Refused(COLUMN_MISSING).
    """
    known, found, by_name = set(names), set[str](), set[str]()
    for given in dict.fromkeys(entries):
        entry = given if given in known else given.strip()
        if entry in known:
            by_name.add(entry)
            continue
        means = {name for name in names if fnmatchcase(name, entry)} if set(entry) & set("*?[") else set()
        if not means:
            raise _no_such_column(given, names)
        found |= means
    return found | by_name, by_name


def _left_out_notes(columns: list[Column]) -> list[str]:
    constants = [column.name for column in columns if column.kind == "constant"]
    keys = [column.name for column in columns if column.kind != "constant"]
    notes = []
    if constants:
        notes.append(f"Left out, since they have one value or none: {listed(constants)}.")
    if keys:
        notes.append(f"Left out, since they look like identifiers: {listed(keys)}.")
    return notes


def _no_such_column(entry: str, names: list[str]) -> Refused:
    shown = clip(entry, 80)
    what = f"matches '{shown}'" if set(entry) & set("*?[") else f"is called '{shown}'"
    return Refused(
        ProblemCode.COLUMN_MISSING,
        f"No column of the file {what}.",
        subject=entry,
        suggestions=nearest(entry.strip("*?"), names) or names[:10],
    )


def _nothing_left(target: str, others: list[str]) -> Refused:
    besides = f"; the others were left out ({listed(others)})" if others else ""
    return Refused(
        ProblemCode.NO_FEATURES,
        f"There is no column to learn '{clip(target, 80)}' from{besides}.",
        subject=target,
    )
