"""What is kept of the training rows' columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ray_jobs.manifest import Seen
from ray_jobs.schema import Column, Kind, conform, describe
from ray_jobs.seen import seen_of


def seen(values: Sequence[object], kind: Kind) -> Seen:
    column = Column(name="x", kind=kind)
    frame, _ = conform(pd.DataFrame({"x": values}), (column,))
    (found,) = seen_of(frame, (column,))
    return found


def test_numbers_are_kept_as_deciles_and_what_lies_at_or_below_them() -> None:
    found = seen(list(range(1, 101)), "number")
    assert found.quantiles == (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    assert found.at_or_below == (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert (found.missing, found.categories) == (0.0, ())


def test_a_value_that_is_common_takes_its_share() -> None:
    found = seen([0.0] * 75 + [1.0] * 15 + [None] * 10, "number")
    assert found.missing == 0.1
    assert dict(zip(found.quantiles, found.at_or_below, strict=True)) == {0.0: 75 / 90, 1.0: 1.0}


def test_dates_are_seconds_whatever_their_resolution() -> None:
    days = pd.date_range("2020-01-01", periods=11, freq="D")
    for unit in ("s", "us", "ns"):
        frame = pd.DataFrame({"x": days.astype(f"datetime64[{unit}]")})
        (found,) = seen_of(frame, (Column(name="x", kind="date"),))
        assert found.quantiles[0] == days[0].timestamp()
        assert found.quantiles[-1] == days[-1].timestamp()


def test_categories_and_booleans_are_kept_by_their_shares() -> None:
    found = seen(["b", "a", "b", None], "category")
    assert found.categories == (("b", 2 / 3), ("a", 1 / 3))
    assert (found.missing, found.complete) == (0.25, True)
    assert seen([True, False, True, None], "boolean").categories == (("true", 2 / 3), ("false", 1 / 3))


def test_of_many_categories_the_commonest_are_kept_and_none_of_few_is_overlooked() -> None:
    many = seen([f"c{number}" for number in range(150) for _ in range(number + 1)], "category")
    assert (len(many.categories), many.complete) == (100, False)
    assert many.categories[0][0] == "c149"
    rare = seen(["a"] * 200_000 + ["once"] + ["b"] * 200_000, "category")
    assert rare.complete
    assert {name for name, _ in rare.categories} == {"a", "b", "once"}


def test_the_ends_are_of_all_rows_though_deciles_are_of_a_spread_sample() -> None:
    values = np.zeros(200_000)
    values[100_001], values[5] = 7.0, -3.0
    found = seen(list(values), "number")
    assert (found.quantiles[0], found.quantiles[-1]) == (-3.0, 7.0)


def test_text_keeps_nothing_but_its_gaps() -> None:
    assert seen(["a b c", None], "text") == Seen(name="x", missing=0.5)


def test_columns_without_a_value() -> None:
    kinds: tuple[Kind, ...] = ("number", "category", "date", "boolean", "text")
    for kind in kinds:
        found = seen([None, None], kind)
        assert (found.missing, found.quantiles, found.categories) == (1.0, (), ())


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), min_size=1, max_size=60))
def test_any_numbers_make_a_valid_note(values: list[float | None]) -> None:
    column = describe(pd.Series(values, name="x", dtype=float))
    found = seen(list(values), column.kind if column.kind == "number" else "number")
    assert Seen.model_validate_json(found.model_dump_json()) == found
    assert list(found.quantiles) == sorted(found.quantiles)
    assert list(found.at_or_below) == sorted(found.at_or_below)
