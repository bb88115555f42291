"""Learning from tables that are read batch by batch: as good as in memory, the same each time, within the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from ray_jobs.memory import resident
from ray_jobs.models import load_model
from ray_jobs.problems import Refused
from ray_jobs.spec import FileSplit, GroupSplit, PathData, ProblemCode, TimeSplit
from ray_jobs.streaming import can_stream, streamed_entry
from tests.support.streams import FrameSource, order_for, run


def cancer() -> pd.DataFrame:
    data = load_breast_cancer(as_frame=True)
    return pd.DataFrame(data.data).assign(diagnosis=[str(data.target_names[code]) for code in data.target])


def digits() -> pd.DataFrame:
    data = load_digits(as_frame=True)
    return pd.DataFrame(data.data).assign(digit=data.target)


def diabetes() -> pd.DataFrame:
    data = load_diabetes(as_frame=True)
    return pd.DataFrame(data.data).assign(progress=data.target)


def many(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame.sample(rows, replace=True, random_state=0).reset_index(drop=True)


def score(found: Any) -> float:
    outputs = found.model.outputs(found.test_frame)
    if found.classes is None:
        return float(r2_score(found.test_values, outputs))
    if outputs.shape[1] == 2:
        return float(roc_auc_score(found.test_values, outputs[:, 1]))
    return float(accuracy_score(found.test_values, outputs.argmax(axis=1)))


@pytest.mark.parametrize(
    ("model", "data", "target", "least"),
    [
        ("lightgbm", cancer, "diagnosis", 0.98),
        ("lightgbm", digits, "digit", 0.95),
        ("lightgbm", diabetes, "progress", 0.25),
        ("logistic_regression", cancer, "diagnosis", 0.98),
        ("logistic_regression", digits, "digit", 0.93),
        ("linear_regression", diabetes, "progress", 0.4),
        ("ridge", diabetes, "progress", 0.4),
        ("lasso", diabetes, "progress", 0.4),
        ("elastic_net", diabetes, "progress", 0.4),
        ("hist_gradient_boosting", cancer, "diagnosis", 0.98),
    ],
)
def test_models_learn_and_are_kept(model: str, data: Any, target: str, least: float, tmp_path: Path) -> None:
    frame = data()
    found, steps = run(order_for(frame, target, model, tmp_path, source=FrameSource(frame, 200)))
    assert score(found) > least
    assert found.rows_train + found.rows_test == len(frame)
    assert found.rows_test == pytest.approx(0.25 * len(frame), rel=0.25)
    assert len(found.test_frame) == len(found.test_values) == found.rows_test
    assert all(step.metrics["memory_mb"] > 0 for step in steps if step.fraction is not None)
    assert f"{found.rows_train:,}" in found.how
    names = found.model.save(tmp_path)
    again = load_model(tmp_path, names)
    assert np.array_equal(again.outputs(found.test_frame), found.model.outputs(found.test_frame))
    assert not (tmp_path / "scratch").exists()


def test_the_catalogue_says_what_learns_from_all_rows() -> None:
    assert can_stream("auto")
    assert can_stream("lightgbm")
    assert not can_stream("random_forest")
    assert streamed_entry("auto").name == "lightgbm"
    assert streamed_entry("ridge").name == "ridge"


@pytest.mark.parametrize("model", ["lightgbm", "logistic_regression", "random_forest"])
def test_the_same_order_gives_the_same_model(model: str, tmp_path: Path) -> None:
    frame = cancer()
    given = {"n_estimators": 10} if model != "logistic_regression" else {}
    found = [run(order_for(frame, "diagnosis", model, tmp_path, parameters=given))[0] for _ in range(2)]
    assert found[0].test_frame.equals(found[1].test_frame)
    first, second = (each.model.outputs(found[0].test_frame) for each in found)
    assert np.array_equal(first, second)


def test_another_seed_splits_otherwise(tmp_path: Path) -> None:
    frame = cancer()
    found = [run(order_for(frame, "diagnosis", "lightgbm", tmp_path, seed=seed))[0] for seed in (0, 1)]
    assert not found[0].test_frame.equals(found[1].test_frame)


def test_lightgbm_is_the_same_however_the_table_is_cut(tmp_path: Path) -> None:
    frame = digits()
    sources = [FrameSource(frame, piece) for piece in (65_536, 171)]
    given: dict[str, Any] = {"parameters": {"n_estimators": 10}}
    orders = [order_for(frame, "digit", "lightgbm", tmp_path, source=source, **given) for source in sources]
    first, second = (run(order)[0] for order in orders)
    assert first.test_frame.equals(second.test_frame)
    assert np.array_equal(first.model.outputs(first.test_frame), second.model.outputs(first.test_frame))
    assert [source.readings for source in sources] == [2, 2]


def test_a_table_in_order_of_its_target_does_not_mislead(tmp_path: Path) -> None:
    frame = cancer().sort_values("diagnosis", ignore_index=True)
    found, _ = run(order_for(frame, "diagnosis", "logistic_regression", tmp_path, source=FrameSource(frame, 50)))
    assert score(found) > 0.98


def test_groups_and_times(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = cancer()
    frame["patient"] = rng.integers(0, 60, len(frame)).astype(str)
    frame["day"] = pd.date_range("2024-01-01", periods=len(frame), freq="D").astype(str)
    grouped, _ = run(order_for(frame, "diagnosis", "lightgbm", tmp_path, split=GroupSplit(column="patient")))
    assert not set(grouped.train_frame["patient"]) & set(grouped.test_frame["patient"])
    timed, _ = run(order_for(frame, "diagnosis", "lightgbm", tmp_path, split=TimeSplit(column="day")))
    assert timed.train_frame["day"].max() < timed.test_frame["day"].min()


def test_the_rows_of_another_table_test(tmp_path: Path) -> None:
    frame = cancer()
    split = FileSplit(data=PathData(path="other.csv"))
    order = order_for(frame[:400], "diagnosis", "lightgbm", tmp_path, split=split, test_source=FrameSource(frame[400:]))
    found, _ = run(order)
    assert (found.rows_train, found.rows_test) == (400, 169)
    assert score(found) > 0.98


def test_held_out_rows_of_a_label_never_learned_count_as_wrong(tmp_path: Path) -> None:
    frame = cancer()
    other = frame[400:].assign(diagnosis=["unclear", *frame["diagnosis"][401:]])
    split = FileSplit(data=PathData(path="other.csv"))
    order = order_for(frame[:400], "diagnosis", "lightgbm", tmp_path, split=split, test_source=FrameSource(other))
    found, _ = run(order)
    assert found.classes is not None
    assert found.classes.labels == ("benign", "malignant")
    assert (len(found.test_values), int((found.test_values == -1).sum())) == (169, 1)


def test_rows_without_a_target_and_labels_that_come_late(tmp_path: Path) -> None:
    frame = many(cancer(), 3000)
    frame.loc[:99, "diagnosis"] = None
    whole = frame.copy()
    whole.loc[2500:2899, "diagnosis"] = "unclear"
    found, _ = run(order_for(frame, "diagnosis", "lightgbm", tmp_path, source=FrameSource(whole)))
    assert found.classes is not None
    assert found.classes.labels == ("benign", "malignant", "unclear")
    assert any("100 of 3,000 rows have no value" in note for note in found.warnings)
    assert found.rows_train + found.rows_test == 2900


def test_labels_of_many_digits_stay_apart(tmp_path: Path) -> None:
    frame = many(cancer(), 1200)
    largest = 2**63 - 1
    frame["diagnosis"] = np.where(frame["diagnosis"] == "benign", largest, largest - 1)
    found, _ = run(order_for(frame, "diagnosis", "lightgbm", tmp_path))
    assert found.classes is not None
    assert found.classes.labels == (largest - 1, largest)
    assert score(found) > 0.95


def test_rare_classes_weigh_more_where_that_is_wanted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=4000), "z": rng.normal(size=4000)})
    frame["y"] = np.where(frame["x"] + rng.normal(scale=2, size=4000) > 4, "rare", "common")
    means = []
    for weight in (None, "balanced"):
        for model in ("lightgbm", "logistic_regression"):
            parameters = {"class_weight": weight}
            found, _ = run(order_for(frame, "y", model, tmp_path, parameters=parameters))
            means.append(float(found.model.outputs(found.test_frame)[:, 1].mean()))
    assert means[2] > 2 * means[0]
    assert means[3] > 2 * means[1]


def test_too_little_memory_is_said_with_numbers(tmp_path: Path) -> None:
    for memory in (1_000_000, -resident() // 2):
        with pytest.raises(Refused) as refused:
            run(order_for(digits(), "digit", "lightgbm", tmp_path, memory=memory))
        assert refused.value.problem.code == ProblemCode.OUT_OF_MEMORY
        assert "MB" in refused.value.problem.message


class Growing(FrameSource):
    """Takes more and more memory as it is read."""

    def batches(self, columns: Any = None, rows: int = 65_536) -> Any:
        held = []
        for piece in super().batches(columns, rows):
            held.append(np.ones(20_000_000))
            yield piece


def test_what_grows_beyond_the_memory_is_stopped(tmp_path: Path) -> None:
    source = Growing(digits(), 100)
    order = order_for(digits(), "digit", "lightgbm", tmp_path, source=source, memory=300_000_000)
    with pytest.raises(Refused) as refused:
        run(order)
    assert refused.value.problem.code == ProblemCode.OUT_OF_MEMORY
    assert source.readings == 3


def test_what_cannot_be_learned_is_refused(tmp_path: Path) -> None:
    frame = cancer()
    good = frame.copy()
    for diagnosis, code in ((None, ProblemCode.TARGET_EMPTY), ("benign", ProblemCode.TARGET_CONSTANT)):
        source = FrameSource(frame.assign(diagnosis=pd.Series([diagnosis] * len(frame), dtype="str")))
        with pytest.raises(Refused) as refused:
            run(order_for(good, "diagnosis", "lightgbm", tmp_path, source=source))
        assert refused.value.problem.code == code


def test_without_a_disk_a_linear_model_learns_from_a_sample(tmp_path: Path) -> None:
    found, _ = run(order_for(cancer(), "diagnosis", "logistic_regression", tmp_path, disk=0))
    assert score(found) > 0.98
    assert not (tmp_path / "scratch").exists()


def test_the_time_is_up(tmp_path: Path) -> None:
    order = order_for(cancer(), "diagnosis", "lightgbm", tmp_path, deadline=0.0, automatic=True)
    found, _ = run(order)
    assert found.model.rounds == 1
    assert "time was used up" in found.how
    assert "Nothing else was compared" in found.how


@pytest.mark.parametrize(("data", "target", "least"), [(cancer, "diagnosis", 0.97), (diabetes, "progress", 0.3)])
def test_a_network_learns_block_by_block(data: Any, target: str, least: float, tmp_path: Path) -> None:
    frame = data()
    parameters = {"epochs": 12, "batch_size": 16, "learning_rate": 0.01}
    source = FrameSource(frame, 200)
    order = order_for(frame, target, "keras", tmp_path, parameters=parameters, source=source, memory=1_500_000_000)
    found, steps = run(order)
    assert score(found) > least
    assert steps[0].name == "loading TensorFlow"
    total = len(frame) - found.rows_test
    assert 0.8 * total < found.rows_train < total
    assert f"{total - found.rows_train:,} that said when to stop" in found.how
    again = load_model(tmp_path, found.model.save(tmp_path))
    assert np.allclose(again.outputs(found.test_frame), found.model.outputs(found.test_frame))
