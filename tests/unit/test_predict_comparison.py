"""Drift, unseen categories, ranges and gaps, told from rows that stream by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ray_jobs.predict.comparison import Comparison, stability_index
from ray_jobs.predict.notes import Notes
from ray_jobs.schema import conform, describe
from ray_jobs.seen import seen_of

_RNG = np.random.default_rng(0)


def people(rows: int, *, older: float = 0.0, plans: tuple[float, float, float] = (0.6, 0.3, 0.1)) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": np.round(_RNG.normal(40 + older, 10, rows)),
            "income": np.where(_RNG.random(rows) < 0.7, 0.0, _RNG.exponential(1000, rows)),
            "plan": _RNG.choice(["basic", "pro", "team"], rows, p=plans),
            "active": _RNG.random(rows) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(_RNG.integers(0, 1000, rows), unit="D"),
            "note": [f"some words about person {number}" for number in range(rows)],
        }
    )


def compared(then: pd.DataFrame, *now: pd.DataFrame, share_rows: bool = True) -> tuple[dict[str, float], list[str]]:
    """Drift and warnings of the pieces `now` against `then`."""
    columns = tuple(describe(then[name]) for name in then.columns)
    frame, _ = conform(then, columns)
    manifest: Any = SimpleNamespace(seen=seen_of(frame, columns), columns=columns, rows_train=len(then))
    comparison = Comparison(manifest)
    for piece in now:
        comparison.add(conform(piece, columns)[0])
    notes = Notes()
    comparison.warn(notes, share_rows=share_rows)
    return dict(comparison.drift()), list(notes.told())


@pytest.mark.parametrize("rows", [1, 60, 300, 3000])
def test_rows_like_those_of_training_do_not_drift(rows: int) -> None:
    then = people(2000)
    for _ in range(10):
        drift, notes = compared(then, people(rows))
        assert drift == {}
        assert [note for note in notes if "drift" in note or "never saw" in note] == []


def test_other_rows_drift_the_most_changed_first() -> None:
    drift, notes = compared(people(2000), people(500, older=15), people(500, older=15, plans=(0.3, 0.4, 0.3)))
    assert list(drift) == ["age", "plan"]
    assert drift["age"] > 1 > drift["plan"] > 0.1
    (note,) = (note for note in notes if "drift" in note)
    assert "'age' (2." in note
    assert "plan" not in note


def test_the_index_is_that_of_the_textbook() -> None:
    then, now = np.array([0.5, 0.3, 0.2]), np.array([200.0, 300.0, 500.0])
    expected = sum((b - a) * np.log(b / a) for a, b in zip(then, now / 1000, strict=True))
    assert stability_index(then, now, 10_000) == pytest.approx(expected)
    assert stability_index(then, then * 50, 10_000) == 0.0
    assert stability_index(then, np.zeros(3), 10_000) == 0.0


def test_pieces_make_no_difference() -> None:
    then, now = people(1000), people(1000, older=8, plans=(0.2, 0.4, 0.4))
    whole = compared(then, now)
    assert whole == compared(then, now[:1], now[1:300], now[300:])
    assert whole[0]


def test_categories_that_training_never_saw_are_counted_and_named() -> None:
    now = people(100)
    now.loc[:4, "plan"] = "gold"
    now.loc[5:6, "plan"] = "=HYPERLINK()"
    _, notes = compared(people(500), now[:50], now[50:])
    assert notes[0] == "7 rows (7.0 %) have in 'plan' a category that training never saw: 'gold', '=HYPERLINK()'."
    _, notes = compared(people(500), now, share_rows=False)
    assert notes[0] == "7 rows (7.0 %) have in 'plan' a category that training never saw."


def test_categories_beyond_those_that_are_kept_are_not_called_new() -> None:
    then = pd.DataFrame({"town": [f"town {number // 4}" for number in range(2000)], "y": 1})
    _, notes = compared(then[["town"]], pd.DataFrame({"town": ["elsewhere"] * 5}))
    assert not [note for note in notes if "never saw" in note]


def test_values_outside_the_range_are_told_where_they_matter() -> None:
    then = people(1000)
    low, high = then["age"].min(), then["age"].max()
    now = people(1000).assign(age=then["age"])
    now.loc[0, "age"] = high + 1
    assert compared(then, now)[1] == []  # one in a thousand, a little
    now.loc[0, "age"] = high + 10 * (high - low)
    _, notes = compared(then, now)
    assert notes == [
        f"1 row (0.1 %) has a value in 'age' outside the range that training saw ({low:g} to {high:g}), "
        "1 of them far outside."
    ]
    now.loc[:39, "age"] = low - 1
    assert compared(then, now, share_rows=False)[1] == [
        "40 rows (4.0 %) have a value in 'age' outside the range that training saw."
    ]
    now = people(100).assign(age=then["age"][:100], since=pd.Timestamp("2024-05-01"))
    assert any(
        "'since' outside the range that training saw (2020-01-01 to 2022-09-" in note for note in compared(then, now)[1]
    )


def test_gaps_that_training_did_not_have() -> None:
    then, now = people(1000), people(1000)
    now.loc[:299, "plan"] = None
    _, notes = compared(then, now)
    assert notes[0] == "30% of 'plan' is missing; in training it was 0%."
    assert compared(then, people(5).assign(plan=None))[1] == []  # five rows say nothing yet
    assert "plan" in compared(then, now)[0]


def test_a_common_value_does_not_look_like_drift() -> None:
    then = pd.DataFrame({"rare": [0] * 9990 + [1] * 10})
    assert compared(then, pd.DataFrame({"rare": [0] * 4995 + [1] * 5}))[0] == {}
    assert compared(then, pd.DataFrame({"rare": [0, 1] * 50}))[0]["rare"] > 1


def test_extreme_numbers_do_no_harm() -> None:
    then = pd.DataFrame({"x": [-1.7e308, 1.7e308, 0.0, 1.0] * 10})
    drift, notes = compared(then, pd.DataFrame({"x": [np.inf, -np.inf, np.nan, 1.79e308] * 10}))
    assert all(np.isfinite(value) for value in drift.values())
    assert notes
