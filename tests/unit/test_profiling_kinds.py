"""What a column is: to a person, to a model, and whether it is of use at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from ray_jobs.features import preprocessing
from ray_jobs.profiling.kinds import look_at
from ray_jobs.schema import Column, conform, describe
from tests.support.all_flights import all_flights

_RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("size", [1, 2, 5, 2, 1], "number"),
        ("PostalCode", [10115, 80331, 10115, 20095] * 20, "code"),
        ("store_id", [3, 5, None, 3] * 20, "code"),
        ("code", [1.5, 2.5, 1.5] * 20, "number"),
        ("store_sales", [3, 5, 7] * 20, "number"),
        ("class size", [30, 25, 28] * 20, "number"),
        ("id_type", [3, 5, 7] * 20, "code"),
        ("flag", [0, 1, 1, None], "boolean"),
        ("flag", [0, 1, 2], "number"),
        ("smoker", ["Yes", "no", " yes", None], "boolean"),
        ("smoker", ["t", "f"] * 5, "boolean"),
        ("smoker", ["yes", "no", "unknown"], "category"),
        ("smoker", ["yes", "yes", None], "category"),
        ("sold", [True, False, None], "boolean"),
        ("sold", ["2024-03-01", "2024-03-02"], "date"),
        ("review", [f"it was good and then some more of it {n}" for n in range(60)], "text"),
        ("same", ["x"] * 30, "constant"),
        ("empty", [None] * 30, "constant"),
        ("ticket", [f"A-{n}" for n in range(30)], "identifier"),
        ("ticket", [f"A-{n}" for n in range(19)], "category"),  # too few to say
        ("mail", [f"{n % 29}@example.com" for n in range(30)], "identifier"),  # 29 of 30 differ
        ("mail", [f"{n % 25}@example.com" for n in range(30)], "category"),
        ("name", [f"Ann of the {n}" for n in range(30)], "category"),
        ("n", list(range(40)), "identifier"),
        ("n", list(range(1000, 1040)), "identifier"),
        ("n", list(range(40, 0, -1)), "identifier"),
        ("n", [*range(10, 30), *range(500, 520)], "identifier"),  # pieces of a table that counts
        ("n", [5 * n * n for n in range(40)], "number"),
        ("Unnamed: 0", [3 * n for n in range(40)], "identifier"),
        ("price_index", [7 * n % 1009 for n in range(40)], "number"),
        ("year", list(range(1950, 2020)), "number"),
        ("id", [7 * n % 1009 for n in range(40)], "identifier"),
        ("price", [7 * n % 1009 for n in range(40)], "number"),
        ("PassengerId", [3 * n for n in range(40)], "identifier"),
        ("id", [n // 2 for n in range(40)], "code"),
        ("id", [0.5 + n for n in range(40)], "number"),
        ("x", _RANDOM.normal(size=100).tolist(), "number"),
    ],
)
def test_kinds_to_a_person(name: str, values: list[Any], kind: str) -> None:
    look = look_at(pd.Series(values, name=name))
    assert look.kind == kind
    assert bool(look.useless) == (kind in ("constant", "identifier"))


@pytest.mark.parametrize(
    ("values", "second"),
    [
        (["2024/01/05", "2024/02/06"], "2024-02-06"),
        (["20240105", "20231231"], "2023-12-31"),
        ([20240105, 20231231, 20240228], "2023-12-31"),
        ([20240105.0, 20231231.0, None], "2023-12-31"),
        (["Jan 5, 2024", "Feb 12, 2023"], "2023-02-12"),
        (["January 5, 2024", "March 12, 2023"], "2023-03-12"),
        (["5 Jan 2024", "12 Feb 2024"], "2024-02-12"),
        (["05-Jan-24", "12-Feb-24"], "2024-02-12"),
        (["05.01.24", "31.12.23"], "2023-12-31"),
        (["1/13/24", "2/25/24"], "2024-02-25"),
        (["31.12.2024 10:15", "01.01.2024 11:20"], "2024-01-01 11:20"),
        (["1/5/2024 10:00:00 PM", "12/31/2024 1:00:00 AM"], "2024-12-31 01:00"),
        (["20141013T000000", "20151013T000000"], "2015-10-13"),
        (["2024-01-05 10:00", "2024-01-06"], "2024-01-06"),
    ],
)
def test_dates_in_many_forms(values: list[Any], second: str) -> None:
    column = pd.Series(values, name="when")
    described = describe(column)
    assert described.kind == "date"
    converted = conform(column.to_frame(), (described,))[0]["when"]
    assert converted.iloc[1] == pd.Timestamp(second)
    assert converted.isna().sum() == column.isna().sum()


@pytest.mark.parametrize(
    "values",
    [
        ["1.10.12", "2.10.13", "4.2.1"],  # versions
        ["192.168.1.1", "10.0.0.1"],
        ["5 apples 12", "6 pears 20"],
        ["10:30", "11:45"],
        [20_000_000, 20_001_234, 20_012_345],
        [2001, 2002, 2003],
        [1_577_836_800, 1_577_923_200],  # seconds since 1970 look like any other number
    ],
)
def test_what_is_no_date(values: list[Any]) -> None:
    assert describe(pd.Series(values, name="when")).kind != "date"


def test_codes_read_the_same_whatever_their_column_is() -> None:
    column = Column(name="code", kind="category")
    for values in ([3, 5], [3.0, 5.0, None], [3.0, 5.0, 1.5], ["3", "5"]):
        found = conform(pd.DataFrame({"code": values}), (column,))[0]["code"]
        assert found.iloc[:2].tolist() == ["3", "5"]


def test_a_code_is_better_taken_as_a_category() -> None:
    """Carriers as numbers that mean nothing: a logistic regression does better where they are categories."""
    flights = all_flights().sample(20_000, random_state=0)
    codes = flights["carrier"].map({name: code for code, name in enumerate(sorted(flights["carrier"].unique()))})
    scores = {}
    for name in ("carrier_code", "carrier_measure"):
        frame = pd.DataFrame({name: codes.to_numpy()})
        column = describe(frame[name])
        features, unseen, known, truth = train_test_split(
            conform(frame, (column,))[0], flights["late"].to_numpy(), random_state=0
        )
        steps = preprocessing((column,), "linear").fit(features)
        model = LogisticRegression().fit(steps.transform(features), known)
        scores[column.kind] = roc_auc_score(truth, model.predict_proba(steps.transform(unseen))[:, 1])
    assert scores["category"] > scores["number"] + 0.02
