"""A table before a job, and the profile job: what is told, what is hidden, and within which bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from ray_jobs.inspection import inspect_data
from ray_jobs.order import Order
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.profiling import profile
from ray_jobs.profiling.job import bounded
from ray_jobs.profiling.wording import date_text, number_text, share_text
from ray_jobs.spec import (
    ColumnFacts,
    ColumnProfile,
    DataFacts,
    Finding,
    PathData,
    ProblemCode,
    Profile,
    ProfileResult,
    ProfileSpec,
    Proposal,
)
from tests.support.all_flights import all_flights


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(folder=tmp_path / "node", folder_as_owner_knows="/n", home="/h", allowed=(tmp_path,), quota=10**9)


def patients(rows: int = 569) -> pd.DataFrame:
    """The breast cancer set with a column of every other kind."""
    random = np.random.default_rng(0)
    data = datasets.load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.data.iloc[:rows, :3].copy()
    frame["smoker"] = random.choice(["yes", "no"], rows)
    frame["postcode"] = random.choice([10115, 80331, 20095], rows)
    frame["ward"] = random.choice(["north", "south", "east", "west"], rows)
    frame["seen"] = pd.date_range("2020-01-01", periods=28).strftime("%d.%m.%Y").to_numpy()[np.arange(rows) % 28]
    frame["note"] = [f"came in with pain {n % 7} and left with {n}" for n in range(rows)]
    frame["patient"] = [f"P-{n:04}" for n in range(rows)]
    frame["site"] = "Berlin"
    frame["income"] = np.where(random.random(rows) < 0.1, np.nan, random.lognormal(8, 1, rows).round(2))
    frame["diagnosis"] = [str(data.target_names[code]) for code in data.target[:rows]]
    return frame


def written(place: Place, frame: pd.DataFrame, name: str = "patients.csv") -> PathData:
    frame.to_csv(place.allowed[0] / name, index=False)
    return PathData(path=name)


def run(place: Place, data: PathData, target: str | None = None) -> ProfileResult:
    order = Order(spec=ProfileSpec(data=data, target=target), place=place, job_id="job1", threads=1)
    steps = profile(order)
    fractions: list[float] = []
    while True:
        try:
            fractions.append(next(steps).fraction or 0.0)
        except StopIteration as end:
            assert fractions == sorted(fractions)
            result: ProfileResult = end.value
            return result


def test_what_the_card_shows(place: Place) -> None:
    facts = inspect_data(place, written(place, patients()), "diagnosis")
    assert (facts.rows, facts.rows_exact, facts.rows_sampled, facts.files) == (569, True, 0, 1)
    assert {column.name: column.kind for column in facts.columns} == {
        "mean radius": "number",
        "mean texture": "number",
        "mean perimeter": "number",
        "smoker": "boolean",
        "postcode": "code",
        "ward": "category",
        "seen": "date",
        "note": "text",
        "patient": "identifier",
        "site": "constant",
        "income": "number",
        "diagnosis": "category",
    }
    assert (facts.target, facts.task, facts.classes) == ("diagnosis", "classification", 2)
    assert facts.balance == {"benign": 357, "malignant": 212}
    assert facts.targets[0] == Proposal(
        name="diagnosis", reason="Its name is that of a target, it is the last column and it has two classes."
    )
    assert facts.left_out == (
        Proposal(name="patient", reason="Its values all differ."),
        Proposal(name="site", reason="It has one value only."),
    )
    assert not facts.streamed
    assert 0 < facts.memory < 10**8
    assert 0 < (facts.seconds or 0) < 60
    assert facts.warnings == (
        "As good as unique, so of no use to a model: 'patient'.",
        "One value or none, so of no use to a model: 'site'.",
    )


def test_without_a_target_it_says_what_could_be_predicted(place: Place) -> None:
    facts = inspect_data(place, written(place, patients()), None)
    assert (facts.target, facts.task, facts.classes, facts.balance) == (None, None, None, {})
    names = [proposal.name for proposal in facts.targets]
    assert names[0] == "diagnosis"
    assert len(names) == 5
    assert set(names).isdisjoint({"patient", "site", "seen", "note"})
    tips = inspect_data(place, written(place, all_flights().head(2000).drop(columns="late"), "flights.csv"), None)
    assert {proposal.name for proposal in tips.targets} >= {"arr_delay", "dep_delay"}
    assert {proposal.name for proposal in tips.targets}.isdisjoint({"year", "month", "day", "time_hour"})


def test_a_large_table_is_looked_at_by_a_sample(place: Place) -> None:
    flights = all_flights().drop(columns=["air_time", "tailnum", "time_hour"]).head(200_000)
    facts = inspect_data(place, written(place, flights), "late")
    assert facts.rows == pytest.approx(200_000, rel=0.05)
    assert not facts.rows_exact
    assert facts.rows_sampled == sum(facts.balance.values()) == 100_000
    assert facts.warnings[0].startswith("Possible leak: 'arr_delay' (ROC AUC 1.000) alone predicts 'late'")
    assert facts.warnings[1].startswith("Possible leak: 'dep_delay' (ROC AUC 0.9")


def test_a_place_with_little_memory_streams(place: Place) -> None:
    small = place.model_copy(update={"memory": 10_000})
    assert inspect_data(small, written(place, patients()), None).streamed


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("diagnose", ProblemCode.TARGET_MISSING),
        ("site", ProblemCode.TARGET_CONSTANT),
        ("note", ProblemCode.TOO_MANY_CLASSES),
    ],
)
def test_targets_that_cannot_be_learned_are_refused_at_once(place: Place, target: str, code: ProblemCode) -> None:
    with pytest.raises(Refused) as caught:
        inspect_data(place, written(place, patients()), target)
    assert caught.value.problem.code is code


def test_a_profile(place: Place) -> None:
    frame = pd.concat([patients(), patients().head(30)], ignore_index=True)
    result = run(place, written(place, frame), "diagnosis")
    assert result.pictures == ("distributions.png",)
    assert (place.job("job1") / "distributions.png").read_bytes()[:4] == b"\x89PNG"
    told = result.profile
    assert told.duplicates == 30
    assert told.facts.target == "diagnosis"
    columns = {column.name: column for column in told.columns}
    assert list(columns) == list(frame.columns)
    assert columns["ward"].top == tuple((name, int(count)) for name, count in frame["ward"].value_counts().items())
    assert columns["postcode"].top[0][0] in ("10115", "80331", "20095")
    assert columns["postcode"].quantiles == ()
    assert columns["seen"].quantiles[0] == "2020-01-01"
    assert columns["seen"].quantiles[-1] == "2020-01-28"
    assert columns["site"].examples == ("Berlin",)
    income = columns["income"]
    assert income.missing == frame["income"].isna().sum()
    assert income.quantiles[0] == number_text(frame["income"].min())
    assert income.quantiles[3] == number_text(frame["income"].median())
    assert income.mean == pytest.approx(frame["income"].mean())
    assert (income.distinct, income.distinct_exact) == (frame["income"].nunique(), True)
    assert {each.code for each in told.findings} == {"duplicates", "constant"}  # a key that is there twice is none


def test_no_value_of_a_row_leaves_where_rows_are_not_shared(place: Place) -> None:
    closed = place.model_copy(update={"share_rows": False})
    frame = patients()
    # In the middle of the file, so that a spread sample would have them too.
    frame.loc[283:285, ["ward", "note", "patient"]] = ["Secret", "a Secret note with many words in it", "Secret-1"]
    frame.loc[283, "income"], frame.loc[284, "income"] = 1.2345, 98765432.1
    told = run(closed, written(place, frame), "diagnosis").model_dump_json()
    for secret in ("Secret", "1.2345", "98,765,432", "north", "P-0", "came in", "Berlin", "80331", "yes"):
        assert secret not in told
    assert "malignant" in told  # classes of the target are told
    columns = {column.name: column for column in run(closed, written(place, frame)).profile.columns}
    assert columns["income"].quantiles[0] == columns["income"].quantiles[-1] == ""
    assert all(columns["income"].quantiles[1:-1])
    few = run(closed, written(place, frame.head(12)), None).profile.columns
    assert [column.quantiles for column in few] == [()] * len(few)


def test_a_profile_fits_into_an_event() -> None:
    name = "n" * 250
    columns = tuple(
        ColumnProfile(
            name=name, kind="category", missing=0, distinct=9, examples=("x" * 60,) * 5, top=(("x" * 60, 1),) * 10
        )
        for _ in range(500)
    )
    facts = DataFacts(
        path="/p", bytes=1, rows=1, columns=(ColumnFacts(name=name, kind="category", missing=0, distinct=9),) * 2000
    )
    findings = (Finding(code="constant", message="m" * 2000, columns=(name,) * 50),) * 5
    cut = bounded(Profile(facts=facts, columns=columns, duplicates=0, findings=findings))
    assert len(cut.model_dump_json().encode()) <= 200_000
    assert len(cut.columns) > 50
    assert len(cut.findings) == 5
    small = Profile(facts=facts.model_copy(update={"columns": ()}), columns=columns[:20], duplicates=0)
    assert bounded(small) == small
    fewer = bounded(small, 20_000)
    assert len(fewer.columns) == 20  # values go first
    assert [len(column.top) for column in fewer.columns] == [5] * 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234.5"),
        (3.0, "3"),
        (-1234567.0, "-1,234,567"),
        (0.0123456, "0.012346"),
        (98765.432, "98,765"),
        (0.5, "0.5"),
        (1.5e-9, "1.5e-09"),
        (2e20, "2e+20"),
        (0.0, "0"),
    ],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert number_text(value) == text


def test_dates_and_shares_for_people() -> None:
    assert date_text(pd.Timestamp("2024-03-01")) == "2024-03-01"
    assert date_text(pd.Timestamp("2024-03-01 10:05")) == "2024-03-01 10:05"
    assert date_text(pd.Timestamp("2024-03-01 10:05:07")) == "2024-03-01 10:05:07"
    shown: list[Any] = [share_text(share) for share in (0, 0.00004, 0.0123, 0.0999, 0.5, 1)]
    assert shown == ["0 %", "under 0.1 %", "1.2 %", "10 %", "50 %", "100 %"]
