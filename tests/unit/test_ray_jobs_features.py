"""Kinds of columns, later tables that differ, and preprocessing that survives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ray_jobs.features import Codes, Family, preprocessing
from ray_jobs.problems import Refused
from ray_jobs.profiling import choose_features
from ray_jobs.schema import conform, describe
from ray_jobs.spec import ProblemCode

_WORDS = ["the quick brown fox jumps", "over the lazy dog again today", "and runs away into a forest"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "number"),
        ([1.5, None, 3], "number"),
        ([True, False, None], "boolean"),
        (["a", "b", None], "category"),
        (["2024-01-05", "2024-02-06", None], "date"),
        (["05.01.2024", "31.12.2023"], "date"),
        (["31/12/2024", "01/02/2024"], "date"),
        (["2013-01-01T10:00:00Z", "2013-01-02T11:30:00Z"], "date"),
        (pd.to_datetime(["2024-01-05", "2024-02-06"]), "date"),
        ([f"{_WORDS[n % 3]} {n}" for n in range(60)], "text"),
        ([f"N{n % 300}" for n in range(6000)], "category"),
        (["192.168.1.1", "10.0.0.1"], "category"),
        ([None, None], "constant"),
        ([4, 4, 4], "constant"),
        (["x", None, "x"], "category"),  # a gap can tell something
    ],
)
def test_kinds(values: Any, kind: str) -> None:
    assert describe(pd.Series(values, name="c")).kind == kind


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    count = 200
    return pd.DataFrame(
        {
            "number": np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count)),
            "whole": rng.integers(0, 5, count),
            "flag": pd.Series(rng.choice(np.array([True, False, None], dtype=object), count), dtype=object),
            "color": pd.Series(rng.choice(np.array(["red", "green", "blue", None], dtype=object), count), dtype=object),
            "when": pd.Series(pd.date_range("2024-01-01", periods=count, freq="7h").astype(str)),
            "note": [f"{_WORDS[n % 3]} {n}" for n in range(count)],
            "key": [f"id-{n:05}" for n in range(count)],
            "same": "x",
        }
    )


def test_identifiers_and_constants_are_left_out() -> None:
    columns, notes = choose_features(table().assign(y=1), "y")
    assert [column.name for column in columns] == ["number", "whole", "flag", "color", "when", "note"]
    assert len(notes) == 2
    with pytest.raises(Refused) as caught:
        choose_features(table()[["key", "same", "whole"]], "whole")
    assert caught.value.problem.code is ProblemCode.NO_FEATURES


@pytest.mark.parametrize("family", ["boosting", "forest", "linear"])
def test_preprocessing_survives_tables_that_differ(family: Family) -> None:
    frame = table()
    columns, _ = choose_features(frame, "y")
    conformed, notes = conform(frame, columns)
    assert notes == []
    steps = preprocessing(columns, family).fit(conformed)
    learned = steps.transform(conformed)
    assert learned.shape[0] == len(frame)
    if family == "linear":
        assert np.isfinite(learned).all()

    later = frame.head(5).copy()
    later["color"] = ["purple", None, "red", "green", "blue"]
    later["number"] = ["1.5", "x", None, "3", "inf"]
    later["flag"] = [1, 0, None, 1, 0]
    later["when"] = ["never", None, "2031-01-01", "2031-01-02", "2031-01-03"]
    later["note"] = None
    conformed, notes = conform(later[later.columns[::-1]], columns)
    assert any("'number'" in note and "2 of 5" in note for note in notes)
    found = steps.transform(conformed)
    assert found.shape == (5, learned.shape[1])
    if family == "linear":
        assert np.isfinite(found).all()
    alone = steps.transform(conformed.iloc[2:3])
    np.testing.assert_allclose(alone[0], found[2])  # nothing is computed over the rows of the batch


def test_missing_columns_are_named() -> None:
    columns, _ = choose_features(table(), "y")
    with pytest.raises(Refused) as caught:
        conform(table().rename(columns={"color": "colour"}).drop(columns="whole"), columns)
    problem = caught.value.problem
    assert (problem.code, problem.subject) == (ProblemCode.COLUMN_MISSING, "whole, color")
    assert "colour" in problem.suggestions


def test_codes_bound_the_number_of_categories() -> None:
    frame = pd.DataFrame({"c": pd.Series(["a"] * 5 + ["b"] * 3 + ["c", None], dtype="str")})
    codes = Codes(at_most=2, unknown=-1.0, missing=-2.0).fit(frame)
    later = pd.DataFrame({"c": pd.Series(["b", "a", "c", "z", None], dtype="str")})
    assert codes.transform(later)[:, 0].tolist() == [1, 0, 2, 2, -2]  # a rare one and a new one share a code
    few = Codes(at_most=9, unknown=-1.0, missing=-2.0).fit(frame)
    assert few.transform(later)[:, 0].tolist() == [1, 0, 2, -1, -2]
