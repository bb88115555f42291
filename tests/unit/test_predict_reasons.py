"""Which columns mattered most for a row."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ray_jobs.manifest import Seen
from ray_jobs.models import Floats
from ray_jobs.predict.reasons import Reasons, usual_value
from ray_jobs.schema import Column, Kind
from tests.support.predicting import Desk, desk

_RNG = np.random.default_rng(0)


def weights(rows: int = 500) -> pd.DataFrame:
    """y = 3 a - b + 10 where kind is big; noise tells nothing."""
    frame = pd.DataFrame(
        {
            "a": _RNG.normal(0, 1, rows).round(3),
            "b": _RNG.normal(0, 1, rows).round(3),
            "kind": _RNG.choice(["small", "small", "big"], rows),
            "noise": _RNG.normal(0, 1, rows).round(3),
        }
    )
    frame["y"] = 3 * frame["a"] - frame["b"] + 10 * (frame["kind"] == "big") + 0.5
    return frame


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str, pd.DataFrame]:
    where = desk(tmp_path_factory.mktemp("reasons"))
    frame = weights()
    frame.drop(columns="y").to_csv(where.folder / "rows.csv", index=False)
    return where, where.learn(frame, "y", LinearRegression()), frame


def test_they_are_what_the_values_add_to_a_number(numbers: tuple[Desk, str, pd.DataFrame]) -> None:
    where, model, frame = numbers
    found = pd.read_csv(where.file(where.predict(model, "rows.csv", reasons=3)), keep_default_na=False)
    middle_a, middle_b = frame["a"].median(), frame["b"].median()
    for row, told in found.head(50).iterrows():
        effects = {
            "kind": 10.0 if told["kind"] == "big" else 0.0,
            "a": 3 * (told["a"] - middle_a),
            "b": -(told["b"] - middle_b),
        }
        first = max(effects, key=lambda name: abs(effects[name]))
        match = re.fullmatch(r"(\w+)=(.+) \((.+)\)", told["reason_1"])
        assert match, row
        assert match[1] == first
        assert match[2] == (told["kind"] if first == "kind" else f"{told[first]:.10g}")
        assert float(match[3]) == pytest.approx(effects[first], abs=0.02, rel=0.01)


def test_of_classes_they_speak_of_the_predicted_one(tmp_path: Path) -> None:
    where = desk(tmp_path)
    frame = weights()
    frame["y"] = np.where(frame["y"] > frame["y"].median(), "high", "low")
    model = where.learn(frame, "y", LogisticRegression())
    frame.head(200).to_csv(where.folder / "rows.csv", index=False)
    found = pd.read_csv(where.file(where.predict(model, "rows.csv", reasons=1)), keep_default_na=False)
    big = found[(found["kind"] == "big") & (found["prediction"] == "high")]
    assert len(big) > 20
    assert big["reason_1"].str.match(r"kind=big \(\+0\.\d\d\)").mean() > 0.9
    assert not found["reason_1"].str.contains("noise").any()


def test_only_the_first_rows_have_them_and_it_is_said(
    numbers: tuple[Desk, str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, model, _ = numbers
    monkeypatch.setattr("ray_jobs.predict.reasons._MOST_ROWS", 120)
    monkeypatch.setattr("ray_jobs.predict.prediction.rows_at_once", lambda *_: 50)
    result = where.predict(model, "rows.csv", reasons=2)
    found = pd.read_csv(where.file(result), keep_default_na=False)
    assert (found["reason_1"] != "").sum() == 120
    assert (found["reason_2"][120:] == "").all()
    assert "The first 120 rows have reasons; more would take too long." in result.warnings
    assert result.preview.columns[:3] == ("prediction", "reason_1", "reason_2")


def test_they_end_where_their_time_does(
    numbers: tuple[Desk, str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, model, _ = numbers
    monkeypatch.setattr("ray_jobs.predict.prediction._REASONS_SHARE", 0.0)
    result = where.predict(model, "rows.csv", reasons=2)
    assert "No row has reasons: the model takes too long for them." in result.warnings
    assert result.rows == 500
    assert not pd.read_csv(where.file(result))["reason_1"].notna().any()


def test_more_reasons_than_columns_are_empty(tmp_path: Path) -> None:
    where = desk(tmp_path)
    frame = weights()[["a", "y"]]
    model = where.learn(frame, "y", LinearRegression())
    frame.to_csv(where.folder / "rows.csv", index=False)
    found = pd.read_csv(where.file(where.predict(model, "rows.csv", reasons=5)), keep_default_na=False)
    assert (found["reason_2"] == "").all()
    assert found["reason_1"].str.startswith("a=").mean() > 0.98


def test_what_is_usual() -> None:
    numbers = Seen(name="x", missing=0, quantiles=tuple(float(n) for n in range(11)))
    assert usual_value(Column(name="x", kind="number"), numbers) == 5.0
    dates = Seen(name="x", missing=0, quantiles=(86400.0,) * 11)
    assert usual_value(Column(name="x", kind="date"), dates) == pd.Timestamp("1970-01-02")
    named = Seen(name="x", missing=0, categories=(("b", 0.6), ("a", 0.4)))
    assert usual_value(Column(name="x", kind="category"), named) == "b"
    truth = Seen(name="x", missing=0, categories=(("true", 0.6), ("false", 0.4)))
    assert usual_value(Column(name="x", kind="boolean"), truth) == 1.0
    assert usual_value(Column(name="x", kind="text"), Seen(name="x", missing=0)) is None
    assert usual_value(Column(name="x", kind="number"), None) is None


def test_dates_text_and_gaps_can_be_reasons_too(tmp_path: Path) -> None:
    kinds: tuple[Kind, ...] = ("date", "text", "number", "boolean", "category")
    columns = tuple(Column(name=kind, kind=kind) for kind in kinds)

    class Gaps:
        """Its answer is how many of the values are there."""

        def outputs(self, frame: pd.DataFrame) -> Floats:
            return frame.notna().sum(axis=1).to_numpy(dtype=np.float64)

    manifest: Any = SimpleNamespace(columns=columns, seen=(), classes=None)
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(pd.Series(["2020-01-01", None])),
            "text": pd.Series(["some words", None], dtype="str"),
            "number": [1.5, np.nan],
            "boolean": [1.0, 0.0],
            "category": pd.Series(["a", None], dtype="str"),
        }
    )
    model: Any = Gaps()
    first, second, *_ = zip(*Reasons(model, manifest, 5, None, 60.0).of(frame, model.outputs(frame)), strict=True)
    assert set(first) == {
        "date=2020-01-01 (+1)", "text=some words (+1)", "number=1.5 (+1)", "boolean=1 (+1)", "category=a (+1)"
    }  # fmt: skip
    assert set(second) == {"boolean=0 (+1)", ""}
