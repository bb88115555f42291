"""What stands out in a table: found where it was planted, and not complained about where it was not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from ray_jobs.profiling import findings
from ray_jobs.schema import describe
from ray_jobs.spec import Finding
from ray_jobs.target import target_of
from tests.support.all_flights import all_flights

_LEAKING = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


def found(frame: pd.DataFrame, target: str | None, rows: int | None = None) -> tuple[Finding, ...]:
    columns = tuple(describe(frame[name]) for name in frame.columns if name != target)
    return findings(frame, target_of(frame, target, None) if target else None, columns, rows)


def messages(frame: pd.DataFrame, target: str | None, code: str) -> list[str]:
    return [each.message for each in found(frame, target) if each.code == code]


def real(name: str) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def noise(rows: int, columns: int = 6) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame({f"x{n}": random.normal(size=rows) for n in range(columns)})


def test_flights_give_their_delay_away() -> None:
    first, second, third, *others = found(all_flights(), "late")
    assert first.message == (
        "Possible leak: 'arr_delay' (ROC AUC 1.000) alone predicts 'late' almost perfectly. If it is not known yet "
        "when you want to predict, exclude it."
    )
    assert (second.code, second.columns) == ("leak", ("dep_delay",))
    assert "alone predicts 'late' far better than the other columns." in second.message
    # Empty for flights that never landed.
    assert set(third.columns) == {*_LEAKING, "tailnum"}
    assert "are empty, 'late' is always 'False' (579 of 579 rows, in 20,000 that were looked at)" in third.message
    assert "leak" not in {each.code for each in others}


def test_what_is_known_before_the_flight_is_no_leak() -> None:
    codes = [each.code for each in found(all_flights().drop(columns=[*_LEAKING, "tailnum"]), "late")]
    assert codes == ["constant"]


def test_a_number_as_target_is_given_away_too() -> None:
    (leak, *_) = found(all_flights().drop(columns="late"), "arr_delay")
    assert leak.columns == ("dep_delay",)
    assert leak.message.startswith("Possible leak: 'dep_delay' (R2 0.8")


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_real_tables_are_not_complained_about(name: str) -> None:
    assert [each.code for each in found(real(name), "target") if each.code != "constant"] == []


@pytest.mark.parametrize(
    "leak",
    [
        lambda y: y,
        lambda y: y.map({0: "malignant", 1: "benign"}),
        lambda y: y * 3.5 - 2,
        lambda y: y + np.random.default_rng(0).normal(0, 0.1, len(y)),
        lambda y: y.map({1: "done"}),  # filled in for one class only
        lambda y: y.map({0: "2024-01-05", 1: "2023-05-06"}),
    ],
)
def test_planted_copies_of_a_class(leak: Any) -> None:
    frame = real("breast_cancer")
    frame["leak"] = leak(frame["target"])
    (first, *_) = found(frame, "target")
    assert first.code == "leak"
    assert first.columns == ("leak",)


@pytest.mark.parametrize(
    "leak", [lambda y: y, lambda y: -2 * y + 7, np.log, lambda y: y + np.random.default_rng(0).normal(0, 5, len(y))]
)
def test_planted_copies_of_a_number(leak: Any) -> None:
    frame = real("diabetes")
    frame["leak"] = leak(frame["target"])
    (first, *_) = found(frame, "target")
    assert (first.code, first.columns) == ("leak", ("leak",))
    assert "almost perfectly" in first.message


def test_a_category_of_many_values_gives_a_number_away() -> None:
    (leak,) = [each for each in found(all_flights()[["distance", "origin", "dest", "carrier", "hour"]], "distance")]
    assert (leak.code, leak.columns) == ("leak", ("dest",))


def test_a_copy_among_many_classes() -> None:
    frame = noise(4000).assign(y=[f"class {n % 40}" for n in range(4000)])
    frame["again"] = frame["y"].str.upper()
    (first, *_) = found(frame, "y")
    assert (first.code, first.columns) == ("leak", ("again",))


def test_a_column_that_is_written_for_some_of_one_class_only() -> None:
    frame = noise(1000).assign(churned=np.arange(1000) % 4 == 0)
    frame["reason"] = pd.Series(np.arange(1000) % 8).map({0: "price"})
    assert messages(frame, "churned", "leak") == [
        "Possible leak: where 'reason' is filled in, 'churned' is always 'True' (125 of 125 rows). If that column is "
        "written after the outcome, exclude it."
    ]


def test_copies_of_rows() -> None:
    frame = noise(600).assign(word=[f"w{n % 7}" for n in range(600)], y=np.arange(600) % 2 == 0)
    assert messages(frame, "y", "duplicates") == []
    twice = pd.concat([frame, frame.iloc[:200]], ignore_index=True)
    assert messages(twice, "y", "duplicates") == [
        "200 of 800 rows (25 %) are copies of earlier ones, target included. In a random split about 75 test rows "
        "would have been learned from, so the model would look better than it is. Remove the copies, or "
        "split by a group."
    ]
    # A key makes each row its own, and copies no less.
    keyed = twice.assign(key=[f"k{n}" for n in range(800)])
    assert messages(keyed, "y", "duplicates") == messages(twice, "y", "duplicates")
    other = twice.assign(y=np.where(np.arange(800) < 600, twice["y"], ~twice["y"]))
    assert messages(other, "y", "duplicates") == []


def test_a_table_of_few_values_repeats_itself_by_nature() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.integers(0, 3, 2000) for name in "abcy"})
    assert messages(frame, "y", "duplicates") == []


def test_copies_of_columns() -> None:
    frame = noise(500).assign(celsius=np.random.default_rng(2).normal(15, 8, 500), city=["A", "B", "C", "D", "B"] * 100)
    frame["fahrenheit"] = frame["celsius"] * 1.8 + 32
    frame["city_code"] = frame["city"].map({"A": 7, "B": 3, "C": 9, "D": 1})
    (copies,) = [each for each in found(frame, None) if each.code == "duplicates"]
    assert copies.message == (
        "Columns that say the same, equal or one to one: 'city', 'city_code'; 'celsius', 'fahrenheit'. One of each is "
        "enough."
    )
    assert copies.columns == ("city_code", "fahrenheit")


def test_rare_classes_and_imbalance() -> None:
    classes = ["common"] * 900 + ["some"] * 60 + ["few"] * 35 + ["rare"] * 4 + ["once"]
    frame = noise(1000).assign(y=classes)
    assert messages(frame, "y", "rare_classes") == [
        "2 classes have fewer than 10 rows, too few to learn and to judge by: 'once' (1), 'rare' (4)."
    ]
    assert messages(frame, "y", "imbalance") == [
        "The classes are far from equally common: 'few' has 35 rows (3.5 %), 'common' has 900. Accuracy looks good "
        "then even for a model that never answers the rare one; judge by balanced accuracy."
    ]
    (of_sample,) = [each.message for each in found(frame, "y", rows=100_000) if each.code == "imbalance"]
    assert "'once' has about 100 rows (0.1 %), 'common' has about 90,000." in of_sample
    even = noise(1000).assign(y=["a", "b", "c", "d"] * 250)
    assert found(even, "y") == ()


def test_drift_where_there_is_a_date() -> None:
    random = np.random.default_rng(0)
    rows = 2000
    age = np.arange(rows) / rows
    frame = noise(rows).assign(
        sold=pd.date_range("2021-01-01", periods=rows, freq="12h").astype(str),
        price=random.normal(10 + 4 * age, 1),
        month=pd.date_range("2021-01-01", periods=rows, freq="12h").month,
        year=pd.date_range("2021-01-01", periods=rows, freq="12h").year,
        late=random.random(rows) < 0.1 + 0.4 * age,
    )
    shuffled = frame.sample(frac=1, random_state=0, ignore_index=True)
    (drift,) = [each for each in found(shuffled, "late") if each.code == "drift"]
    assert drift.columns == ("price",)  # parts of the date move with it: no news
    assert drift.message.startswith(
        "The newest fifth of the rows by 'sold' differs from the oldest: 'late' moved ('True' from 16 % to 47 % of the "
        "rows)"
    )
    assert "to 1 (nothing in common): 'price' (0.88)." in drift.message
    assert drift.message.endswith("A split by time, on 'sold', shows how the model will do on what comes next.")
    assert messages(shuffled.drop(columns="sold"), "late", "drift") == []
    still = shuffled.assign(sold=frame["sold"])  # dates that have nothing to do with the rows
    assert messages(still, "late", "drift") == []


def test_identifiers_constants_gaps_and_numbers_written_as_text() -> None:
    frame = noise(400).assign(
        key=[f"k{n}" for n in range(400)],
        row=range(400),
        same="x",
        gone=np.where(np.arange(400) % 9 == 0, 1.5, np.nan),
        price=[f"${1000 + 7 * n:,}.50" for n in range(400)],
        weight=[str(n / 3) if n % 10 else "unknown" for n in range(400)],
        seat=[f"{n % 40}{'ABCDEF'[n % 6]}" for n in range(400)],
        zip=[f"{n % 50:05}" for n in range(400)],
    )
    told = {each.code: each for each in found(frame, None)}
    assert told["identifier"].message == "As good as unique, so of no use to a model: 'key', 'row'."
    assert told["constant"].message == "One value or none, so of no use to a model: 'same'."
    assert told["missing"].message == "Most values are missing in 'gone' (89 %)."
    assert told["format"].message == (
        "Taken as text, though most of their values are numbers: 'price' (100 %), 'weight' (90 %). Units, thousands "
        "separators or words among them are in the way; plain numbers and empty cells would tell more."
    )
    assert {each: told[each].columns for each in ("identifier", "format")} == {
        "identifier": ("key", "row"),
        "format": ("price", "weight"),
    }
    assert set(told) == {"identifier", "constant", "missing", "format"}


def test_a_wide_table_stays_within_bounds() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(3000, 600)), columns=[f"x{n}" for n in range(600)])
    frame["y"] = random.random(3000) < 0.5
    frame["x77"] = frame["y"] * 1.0
    frame["x78"] = frame["x79"] = np.nan
    told = found(frame, "y")
    assert [(each.code, each.columns) for each in told] == [("leak", ("x77",)), ("constant", ("x78", "x79"))]
