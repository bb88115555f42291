"""The training job in this process: splits, folds, lists of columns, what is kept; and any table at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn import datasets

from ray_jobs.place import Place
from ray_jobs.reading.source import open_source
from ray_jobs.schema import conform
from ray_jobs.spec import FileSplit, GroupSplit, PathData, ProblemCode, RandomSplit, TimeSplit
from ray_jobs.store import ModelStore
from tests.support.training import place as place
from tests.support.training import refusal, trained, written


def diabetes() -> pd.DataFrame:
    frame: pd.DataFrame = datasets.load_diabetes(as_frame=True).frame
    return frame


def test_the_whole_job_and_what_is_kept(place: Place) -> None:
    result, steps = trained(place, written(place, diabetes()), "target", folds=4, name="sugar")
    assert (result.rows_train, result.rows_test, result.name, result.version) == (332, 110, "sugar", 1)
    assert result.metrics["r2"] > 0.3 > result.baseline_metrics["r2"]
    assert abs(result.fold_metrics["rmse"] - result.metrics["rmse"]) < 4 * result.fold_spread["rmse"]
    assert {name for name, _ in result.importance[:4]} & {"bmi", "s5"}
    fractions = [step.fraction for step in steps if step.fraction is not None]
    assert fractions == sorted(fractions)
    assert sum(step.name.startswith("fold") for step in steps) >= 4
    job = place.job(result.model_id.replace("model", "job"))
    assert (job / result.card).read_text().startswith("<!doctype html>")
    assert all((job / name).read_bytes().startswith(b"\x89PNG") for name in result.pictures)
    assert not list(job.glob("unfinished*"))
    manifest = ModelStore(place.models).manifest(result.model_id)
    assert (manifest.spec.folds, manifest.seen[0].name, manifest.interval is not None) == (4, "age", True)
    again, _ = trained(place, written(place, diabetes()), "target", name="sugar")
    assert (again.version, again.metrics) == (2, result.metrics)


def test_a_model_of_the_past_is_tested_on_the_future(place: Place) -> None:
    frame = diabetes()
    frame["day"] = pd.date_range("2020-01-01", periods=len(frame)).strftime("%Y-%m-%d")
    frame = frame.sample(frac=1, random_state=0)
    result, _ = trained(place, written(place, frame), "target", split=TimeSplit(column="day", test_fraction=0.2))
    assert result.rows_test == 88
    seen = {each.name: each for each in ModelStore(place.models).manifest(result.model_id).seen}
    border = pd.Timestamp("2020-01-01") + pd.Timedelta(days=len(frame) - 88)
    assert seen["day"].quantiles[-1] < border.timestamp()


def test_a_group_stays_together_and_a_test_file_tests(place: Place) -> None:
    frame = diabetes()
    frame["clinic"] = np.arange(len(frame)) % 7
    grouped, _ = trained(place, written(place, frame), "target", split=GroupSplit(column="clinic"), folds=3)
    assert grouped.rows_test % 63 in (0, 1, 2)  # one or two of seven clinics
    other = written(place, frame.iloc[:100])
    tested, _ = trained(place, written(place, frame.iloc[100:]), "target", split=FileSplit(data=other))
    assert (tested.rows_train, tested.rows_test) == (342, 100)


def test_lists_of_columns_are_kept_to(place: Place) -> None:
    data = written(place, diabetes())
    result, _ = trained(place, data, "target", include=("s[1-6]", "bmi"), exclude=("s6",))
    assert result.features == ("bmi", "s1", "s2", "s3", "s4", "s5")
    assert refusal(place, data, "target", include=("z*",)) is ProblemCode.COLUMN_MISSING
    assert refusal(place, data, "target", split=TimeSplit(column="when")) is ProblemCode.COLUMN_MISSING


def test_parameters_are_refused_before_anything_is_read(place: Place) -> None:
    nowhere = PathData(path="/nowhere.csv")
    assert refusal(place, nowhere, "y", model="ridge", parameters={"alpha": -1}) is ProblemCode.BAD_PARAMETER
    assert refusal(place, nowhere, "y", model="auto", parameters={"alpha": 1}) is ProblemCode.BAD_PARAMETER
    assert refusal(place, nowhere, "y", model="rigde") is ProblemCode.UNKNOWN_MODEL
    assert refusal(place, nowhere, "y", model="ridge", task="classification") is ProblemCode.MODEL_NOT_FOR_TASK


def test_auto_finds_and_repeats_the_same_model(place: Place) -> None:
    data = written(place, diabetes())
    result, steps = trained(place, data, "target", model="auto", budget=5)
    assert result.metrics["r2"] > 0.35
    assert result.leaderboard[0].loss is not None
    assert abs(sum(line.weight for line in result.leaderboard) - 1) < 1e-6
    assert any(step.leaderboard for step in steps)
    again, _ = trained(place, data, "target", model="auto", repeats=result.model_id)
    assert again.metrics == pytest.approx(result.metrics, rel=1e-9)


#: Text without control characters: a file of those is no text, and is refused as such.
_LABELS = st.sampled_from(["a", "b", "ü", "1", "yes", "None."])
_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
_CELLS = st.one_of(
    st.none(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False, width=32),
    _TEXT, st.booleans(), st.sampled_from(["?", "NA", "2024-02-30", "1,5", "-", "\t", '"']),
)  # fmt: skip


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(
    rest=st.lists(st.lists(_CELLS, min_size=40, max_size=40), max_size=4),
    classes=st.lists(_LABELS, min_size=40, max_size=40),
    numeric=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_table_with_a_usable_column_trains_and_predicts_its_own_input(
    place: Place, rest: list[list[object]], classes: list[str], numeric: bool, seed: int
) -> None:
    counts = pd.Series(classes).value_counts()
    assume(numeric or (len(counts) >= 2 and (counts >= 2).sum() >= 2))
    usable = np.random.default_rng(seed).normal(size=40)
    table: dict[str, object] = {"usable": usable, "target": usable * 3 + seed if numeric else classes}
    table |= {f"rest {number}": values for number, values in enumerate(rest)}
    data = written(place, pd.DataFrame(table))
    model = "hist_gradient_boosting" if seed % 2 else "linear_regression" if numeric else "logistic_regression"
    result, _ = trained(place, data, "target", model=model, split=RandomSplit(test_fraction=0.2))
    assert "usable" in result.features
    manifest, fitted = ModelStore(place.models).load(result.model_id)
    with open_source(place, data) as source:
        frame, _ = conform(source.frame(), manifest.columns)
    assert np.isfinite(fitted.outputs(frame)).all()
