"""ONNX Runtime says of each row what the model itself says: every entry of the catalogue that can be written so."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it has no types
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs import dates
from ray_jobs.catalogue import entries
from ray_jobs.export.graphs import write_onnx
from ray_jobs.export.graphs.check import TOLERANCE, tensors
from ray_jobs.export.graphs.dates import date_columns
from ray_jobs.export.graphs.estimators import undone
from ray_jobs.export.graphs.file import onnx_model
from ray_jobs.export.graphs.graph import Graph
from ray_jobs.features.dates import DateParts
from ray_jobs.features.targets import TargetScale
from ray_jobs.manifest import Manifest
from ray_jobs.models import EnsembleModel, FittedModel
from ray_jobs.problems import Refused
from ray_jobs.schema import Column
from ray_jobs.spec import ProblemCode
from tests.support.learned_flights import COLUMNS, NUMBERS, TARGETS, Learned, exported, keep, learn, place_in, refused

#: Entries that ONNX has no operators for, whatever the columns.
_NEVER = {"dummy", "k_nearest_neighbors", "svm"}
_CASES = [
    (name, target)
    for name, entry in entries().items()
    for target, task in TARGETS.items()
    if task in entry.tasks and name not in {*_NEVER, "catboost", "keras"}
]


def session_of(content: bytes) -> Any:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def manifest_of(learned: Learned) -> Manifest:
    files = {"model.skops": "0" * 64}
    return Manifest(**learned.fields, model_id="model1", name="flights", versions={}, files=files)


def asked(content: bytes, frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, Any]:
    session = session_of(content)
    wanted = {each.name for each in session.get_inputs()}
    given_ = {name: values for name, values in tensors(frame, columns).items() if name in wanted}
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, given_), strict=True))


def assert_same(learned: Learned, model: FittedModel | None = None) -> None:
    model = model or learned.model
    manifest = manifest_of(learned)
    made = onnx_model(manifest, model)
    onnx.checker.check_model(made, full_check=True)
    expected = model.outputs(learned.frame)
    answers = asked(made.SerializeToString(), learned.frame, manifest.columns)
    found = answers["probabilities"] if manifest.classes else answers["prediction"][:, 0]
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    if manifest.classes:
        labels = [str(label) for label in manifest.classes.decode(expected.argmax(axis=1))]
        assert answers["prediction"][:, 0].tolist() == labels


@pytest.mark.parametrize(("name", "target"), _CASES)
def test_it_says_the_same(name: str, target: str) -> None:
    assert_same(learn(name, target))


@pytest.mark.parametrize("target", TARGETS)
def test_catboost_says_the_same_where_it_has_numbers_alone(target: str) -> None:
    assert_same(learn("catboost", target, NUMBERS))


def test_an_ensemble_says_the_same_where_all_of_its_members_can_be_written() -> None:
    learned = [learn(name, "late") for name in ("lightgbm", "logistic_regression", "hist_gradient_boosting")]
    members = tuple(each.model for each in learned)
    assert_same(learned[0], EnsembleModel(members=members, weights=(0.5, 0.3, 0.2)))
    other = EnsembleModel(members=(members[0], learn("k_nearest_neighbors", "late").model), weights=(0.5, 0.5))
    with pytest.raises(Refused, match="answers from the rows"):
        onnx_model(manifest_of(learned[0]), other)


def test_a_network_says_the_same() -> None:
    assert_same(learn("keras", "arr_delay"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("dummy", "looks at no column"),
        ("k_nearest_neighbors", "answers from the rows that it keeps"),
        ("svm", "support vector machine"),
        ("catboost", "encodes categories"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_reason(name: str, why: str) -> None:
    learned = learn(name, "late")
    with pytest.raises(Refused, match=why) as caught:
        onnx_model(manifest_of(learned), learned.model)
    assert caught.value.problem.code is ProblemCode.NO_EXPORT


def test_a_column_may_be_called_like_an_output_or_a_step() -> None:
    names = {"dep_delay": "prediction", "distance": "constant/0", "air_time": "Concat/0"}
    learned = learn("lightgbm", "late", NUMBERS)
    model: Any = learned.model
    model.preprocessing.numbers = [names[name] for name in model.preprocessing.numbers]
    columns = tuple(Column(name=names[column.name], kind="number") for column in NUMBERS)
    manifest = manifest_of(replace(learned, fields={**learned.fields, "columns": columns}))
    frame = learned.frame.rename(columns=names)
    answers = asked(onnx_model(manifest, model).SerializeToString(), frame, columns)
    assert list(answers) == ["prediction_", "probabilities"]
    np.testing.assert_allclose(answers["probabilities"], model.outputs(frame), atol=TOLERANCE)


def test_texts_are_refused() -> None:
    columns = (Column(name="tailnum", kind="text"), *NUMBERS)
    learned = learn("ridge", "arr_delay", columns)
    with pytest.raises(Refused, match="text columns"):
        onnx_model(manifest_of(learned), learned.model)


def test_a_file_that_would_say_something_else_is_not_given_out(tmp_path: Path) -> None:
    learned = learn("lightgbm", "late")
    model: Any = learned.model
    write_onnx(manifest_of(learned), model, tmp_path / "good")
    lying = replace(model, preprocessing=_Turned(model.preprocessing))
    with pytest.raises(Refused, match="does not say the same"):
        write_onnx(manifest_of(learned), lying, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


class _Turned:
    """A preprocessing whose matrix is another one than its attributes promise."""

    def __init__(self, features: Any) -> None:
        self.__dict__ = dict(features.__dict__)
        self._features = features

    def transform(self, frame: pd.DataFrame) -> Any:
        return self._features.transform(frame)[:, ::-1]

    def sources(self) -> Any:
        return self._features.sources()


def test_the_file_lies_among_the_results_and_tells_its_columns(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    manifest = keep(place, learn("lightgbm", "late"), "model1", "flights / late")
    result = exported(place, "model1", "onnx")
    assert (result.file, result.warnings) == ("flights-late-v1.onnx", ())
    made = onnx.load(place.results / result.file)
    facts = {each.key: each.value for each in made.metadata_props}
    assert (facts["name"], facts["version"], facts["target"]) == (manifest.name, "1", "late")
    assert [each.name for each in made.graph.input] == [column.name for column in COLUMNS]
    assert "secret" not in str(facts)


def test_without_the_library_it_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_in(tmp_path)
    keep(place, learn("ridge", "arr_delay"), "model1")
    monkeypatch.setitem(sys.modules, "onnx", None)
    problem = refused(place, "model1", "onnx")
    assert (problem.code, problem.subject) == (ProblemCode.LIBRARY_MISSING, "onnx")


_MOMENTS = st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001  conformed dates have no zone


@settings(max_examples=30)
@given(st.lists(_MOMENTS | st.none(), min_size=1, max_size=40))
def test_every_date_is_taken_apart_as_pandas_does(moments: list[datetime | None]) -> None:
    parts = DateParts(periodic=True)
    parts.parts_ = [["year", "month", "day", "day_of_week", "hour", "minute"]]
    known = pd.Series(pd.to_datetime(pd.Series(moments, dtype="datetime64[us]")))
    graph = Graph()
    columns = date_columns(graph, graph.input("when"), parts, 0)
    made = graph.finished({"parts": (graph.concatenated(columns), False, len(columns))}, {})
    seconds = tensors(pd.DataFrame({"when": known}), (Column(name="when", kind="date"),))
    found = session_of(made.SerializeToString()).run(None, seconds)[0]
    np.testing.assert_allclose(found, np.column_stack(parts.columns(known, 0)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("unit", [0.0, 2.5])
def test_a_scaled_target_is_undone(unit: float) -> None:
    ends = {"low": -3.0, "high": 4.0} if unit else {"low": -np.inf, "high": np.inf}
    scale = TargetScale(unit=unit, shift=1.5, scale=2.0, **ends)
    graph = Graph()
    made = graph.finished({"found": (undone(graph, graph.input("x"), scale), False, 1)}, {})
    values = np.linspace(-9, 9, 50)[:, None]
    found = session_of(made.SerializeToString()).run(None, {"x": values})[0]
    np.testing.assert_allclose(found, scale.undo(values), rtol=1e-12)


def test_the_end_of_all_time_is_among_the_dates(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    learned = learn("decision_tree", "late")
    forever = dates.LAST.timestamp()
    seen = [
        each.model_copy(update={"quantiles": (*each.quantiles[:-4], *[forever] * 4)})
        if each.name == "time_hour"
        else each
        for each in learned.fields["seen"]
    ]
    keep(place, replace(learned, fields={**learned.fields, "seen": tuple(seen)}), "model1")
    assert exported(place, "model1", "onnx").bytes > 0
