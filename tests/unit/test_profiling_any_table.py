"""Whatever else is in a table of 30 rows: a target that can be learned and one usable column are enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ray_jobs.profiling import choose_features, findings
from ray_jobs.profiling.columns import column_profile
from ray_jobs.profiling.copies import row_copies
from ray_jobs.profiling.kinds import look_at
from ray_jobs.profiling.proposals import propose_targets
from ray_jobs.schema import conform, describe
from ray_jobs.target import target_of

_ROWS = st.integers(30, 60)
_FLOATS = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, float("inf"), float("nan")])
_DATES = st.sampled_from(["2024-01-05", "2024-02-30", "31.12.2024", "1/2/24", "Jan 5, 2024", "20240105", "0001-01-01"])
_TEXTS = st.text(max_size=12) | st.sampled_from(["yes", "no", "12 kg", "$1,000", "007", "?", " ", "nan", "\x00", "ß"])
_VALUES: list[SearchStrategy[Any]] = [
    _FLOATS,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 3),
    st.integers(20240101, 20240131),
    st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 5),
    _TEXTS,
    st.none() | st.sampled_from("abc"),
    _DATES,
    st.none() | _DATES,
    st.none(),
    st.sampled_from([1, "a", 2.5, None, True]),
    st.integers(2**70, 2**71),
    st.datetimes().map(pd.Timestamp),
]
_NAMES = st.sampled_from(
    ["id", "code", "date", "price", "a b", "[x]", "x*", "ünï", "customerId", "2", "y.1"]
) | st.text(min_size=1, max_size=20)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """A table with the column `use`, which can be learned from, and the target `y`."""
    rows = draw(_ROWS)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 5))):
        name = draw(_NAMES)
        if name in ("use", "y"):
            continue
        if draw(st.integers(0, 4)) == 0:
            columns[name] = draw(st.sampled_from([list(range(rows)), [f"k{n}" for n in range(rows)], ["x"] * rows]))
        else:
            some = draw(st.lists(draw(st.sampled_from(_VALUES)), min_size=1, max_size=8))
            columns[name] = [some[at] for at in random.integers(0, len(some), rows)]
    columns["use"] = random.normal(size=rows) if draw(st.booleans()) else random.integers(0, 3, rows).tolist()
    columns["y"] = draw(_targets(rows, random))
    if draw(st.booleans()) and columns:
        columns["copy"] = columns["y"]
    return pd.DataFrame(columns)


def _targets(rows: int, random: np.random.Generator) -> SearchStrategy[Any]:
    """Numbers that vary, or two classes of two rows and more, and anything besides."""
    pair = st.sampled_from([("a", "b"), (True, False), (0, 1), (7, 2**40), ("", " "), (1.5, 2.5)])
    numbers = st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=rows, unique=True)
    return st.one_of(
        numbers.map(lambda some: (some * rows)[:rows]),
        st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=rows, unique=True).map(
            lambda some: (some * rows)[:rows]
        ),
        pair.map(lambda two: [*two, *two, *(two[code] for code in random.integers(0, 2, rows - 4))]),
        st.just(["a", "a", "b", "b", *(f"only {n}" for n in range(rows - 4))]),
        st.just([0] * (rows - 1) + [1]),
        pair.map(lambda two: [*two * 10, *[None] * (rows - 20)]),
    )


@given(tables())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_table_is_understood(frame: pd.DataFrame) -> None:
    target = target_of(frame, "y", None)
    assert len(target.rows) == len(target.values) >= 10
    columns, _ = choose_features(frame, "y")
    assert "use" in [column.name for column in columns]
    assert "y" not in [column.name for column in columns]
    conformed, _ = conform(frame, columns)
    assert list(conformed.columns) == [column.name for column in columns]
    every = tuple(describe(frame[name]) for name in frame.columns if name != "y")
    for told in findings(frame, target, every) + findings(frame, None, every, rows=10**6):
        assert told.message[-1] == "."
        assert set(told.columns) <= set(frame.columns)
    looks = tuple(look_at(frame[name]) for name in frame.columns)
    assert len(propose_targets(frame, looks)) <= 5
    for look in looks:
        column_profile(frame[look.name], look, share_rows=True, exact=True)
        hidden = column_profile(frame[look.name], look, share_rows=False, exact=True)
        assert (hidden.examples, hidden.top) == ((), ())
    assert row_copies(frame).copies == int(frame.duplicated().sum())
