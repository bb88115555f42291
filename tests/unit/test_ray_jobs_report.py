"""Pictures and the model card: real models, and names that are anything but."""

from __future__ import annotations

import re
import struct
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from ray_jobs.evaluation import Evaluation, evaluate
from ray_jobs.report import CardFacts, draw_distributions, draw_pictures, model_card, numbers
from ray_jobs.report.card import MOST_BYTES
from ray_jobs.report.letters import label, plain
from ray_jobs.report.verdict import verdict
from ray_jobs.schema import Column
from ray_jobs.spec import Candidate, Kind, PathData, Task, TimeSplit, TrainResult, TrainSpec

HOSTILE = (
    "$x_{^",
    "</title><script>alert(1)</script>",
    "日本語 \x00\x1b[31m\n\t",
    '" onload="alert(1)',
    "\u202egnp.exe",
    "a" * 256,
    "-->",
    "",
)


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def classified(count: int, rows: int = 600, names: tuple[str, ...] = ()) -> Evaluation:
    """Of a model that is mostly right; the first class is the rarest."""
    rng = np.random.default_rng(0)
    shares = np.arange(1, count + 1) / np.sum(np.arange(1, count + 1))
    truth = rng.choice(count, rows, p=shares)
    chances = rng.dirichlet(np.ones(count), rows)
    chances[np.arange(rows), truth] += 0.7
    chances /= chances.sum(axis=1, keepdims=True)
    return evaluate("classification", truth, chances, truth, names or tuple(f"class {code}" for code in range(count)))


def measured(scale: float = 1.0, rows: int = 300) -> Evaluation:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=rows) * scale
    return evaluate("regression", truth, truth + rng.normal(size=rows) * scale / 3, truth)


def result_of(evaluation: Evaluation, **changes: Any) -> TrainResult:
    names = evaluation.classified.names if evaluation.classified else ()
    fields: dict[str, Any] = {
        "model_id": "abcd1234",
        "model": "random_forest",
        "name": "churn",
        "version": 3,
        "task": evaluation.task,
        "target": "churned",
        "rows_train": 3 * evaluation.rows,
        "rows_test": evaluation.rows,
        "metrics": evaluation.metrics,
        "baseline_metrics": evaluation.baseline_metrics,
        "features": ("age", "plan"),
        "classes": names,
        "train_seconds": 83.4,
        "peak_memory": 812_000_000,
    }
    return TrainResult(**{**fields, **changes})


def facts_of(evaluation: Evaluation, result: TrainResult | None = None, **changes: Any) -> CardFacts:
    fields: dict[str, Any] = {
        "result": result or result_of(evaluation),
        "spec": TrainSpec(data=PathData(path="/data/churn.csv"), target="churned"),
        "data": "churn.csv",
        "columns": (Column(name="age", kind="number"), Column(name="plan", kind="category")),
        "evaluation": evaluation,
        "created": 1_750_000_000.0,
    }
    return CardFacts(**{**fields, **changes})


_ALLOWED = """html head meta title style body header section footer h1 h2 p div span small bdi code ul li
table thead tbody tr th td dl dt dd figure figcaption img"""


class Checker(HTMLParser):
    """Holds that every element is closed where it should be, and that none can run or fetch anything."""

    VOID = frozenset({"meta", "img"})
    ALLOWED = frozenset(re.findall(r"\w+", _ALLOWED))
    ATTRIBUTES = frozenset({"lang", "charset", "http-equiv", "content", "name", "class", "scope", "src", "alt"})

    def __init__(self, card: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.images = 0
        self.feed(card)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ALLOWED
        assert {name for name, _ in attrs} <= self.ATTRIBUTES
        if tag == "img":
            self.images += 1
            assert (dict(attrs)["src"] or "").startswith("data:image/png;base64,")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("count", [2, 3, 40, 1000])
def test_pictures_of_any_number_of_classes(count: int, tmp_path: Path) -> None:
    drawn = draw_pictures(tmp_path / "job", classified(count), (("age", 0.2), ("plan", -0.1)), "churned")
    assert drawn == ("confusion.png", "importance.png", "roc.png", "calibration.png")
    for name in drawn:
        assert png_size(tmp_path / "job" / name) == (780, 780)
        assert (tmp_path / "job" / name).stat().st_size < 200_000


def test_a_rare_class_gets_its_own_curve_whichever_name_comes_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 12, 2000)
    rare = (rng.random(2000) < chance).astype(np.int64)
    for truth, chances, code in (
        (rare, np.column_stack([1 - chance, chance]), 1),
        (1 - rare, np.column_stack([chance, 1 - chance]), 0),
    ):
        found = evaluate("classification", truth, chances, truth, ("first", "second"))
        assert "precision-recall.png" in draw_pictures(tmp_path, found, (), "t")
        assert found.classified is not None
        assert found.classified.calibration is not None
        assert found.classified.calibration.code == code


@pytest.mark.parametrize("scale", [1.0, 0.0, 1e-300, 1e300])
def test_pictures_of_any_numbers(scale: float, tmp_path: Path) -> None:
    drawn = draw_pictures(tmp_path, measured(scale), (("age", scale),) if scale else (), "$price_{")
    assert drawn == (
        ("predicted.png", "importance.png", "residuals.png") if scale else ("predicted.png", "residuals.png")
    )
    assert {png_size(tmp_path / name) for name in drawn} == {(780, 780)}


def test_pictures_of_values_far_apart_and_of_few(tmp_path: Path) -> None:
    truth = np.exp(np.linspace(0, 20, 200))
    assert draw_pictures(tmp_path, evaluate("regression", truth, 1.1 * truth, truth), (), "t")
    outlier = np.append(np.linspace(-1, 1, 199), 1e9)
    assert draw_pictures(tmp_path, evaluate("regression", outlier, np.zeros(200), outlier), (), "t")
    one = np.ones(1)
    assert draw_pictures(tmp_path, evaluate("regression", one, one, one), (), "t") == ("predicted.png", "residuals.png")
    single = evaluate("classification", np.array([1]), np.array([[0.2, 0.8]]), np.array([0, 1]), ("no", "yes"))
    assert draw_pictures(tmp_path, single, (), "t") == ("confusion.png",)
    unseen = evaluate("classification", np.array([-1]), np.array([[0.2, 0.8]]), np.array([0, 1]), ("no", "yes"))
    assert draw_pictures(tmp_path, unseen, (), "t") == ("confusion.png",)


def test_pictures_take_any_names(tmp_path: Path) -> None:
    bars = tuple((name, 1.0) for name in HOSTILE)
    assert len(draw_pictures(tmp_path, classified(len(HOSTILE), names=HOSTILE), bars, "t")) == 4
    assert len(draw_pictures(tmp_path, classified(2, names=HOSTILE[:2]), (), "t")) == 3
    assert len(draw_pictures(tmp_path, measured(), bars, HOSTILE[0])) == 3


def test_jobs_can_draw_at_the_same_time(tmp_path: Path) -> None:
    evaluation, failed = classified(3), []

    def draw(folder: Path) -> None:
        try:
            draw_pictures(folder, evaluation, (("age", 1.0),), "t")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=draw, args=(tmp_path / str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({(folder / "roc.png").read_bytes() for folder in tmp_path.iterdir()}) == 1


def test_distributions_of_every_kind(tmp_path: Path) -> None:
    rows = 300
    rng = np.random.default_rng(0)
    columns: dict[str, tuple[Kind, Any]] = {
        "$age_{": ("number", np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))),
        "far": ("number", np.append(np.arange(rows - 1.0), 1e18)),
        "words": ("number", ["1.5", "x"] * (rows // 2)),
        "zip": ("code", rng.integers(0, 50, rows)),
        "plan": ("category", rng.choice(["free", "</b>", "日本"], rows)),
        "flag": ("boolean", rng.random(rows) > 0.5),
        "day": ("date", pd.date_range("2024-01-01", periods=rows)),
        "old": ("date", ["1850-01-01", "2020-12-31", None] * (rows // 3)),
        "note": ("text", ["some words"] * rows),
        "id": ("identifier", [f"k{n}" for n in range(rows)]),
        "same": ("constant", [1] * rows),
        "gone": ("number", [np.nan] * rows),
        "one too many": ("number", [1.0] * rows),
    }
    frame = pd.DataFrame({name: values for name, (_, values) in columns.items()})
    kinds = {name: kind for name, (kind, _) in columns.items()}
    draw_distributions(tmp_path / "a.png", frame, kinds)
    width, height = png_size(tmp_path / "a.png")
    assert width == 780
    assert 6 * 240 < height < 6 * 320
    draw_distributions(tmp_path / "b.png", frame.iloc[:0], kinds)
    draw_distributions(tmp_path / "c.png", frame, {})


def test_what_is_not_shared_is_not_drawn(tmp_path: Path) -> None:
    kinds: dict[str, Kind] = {"plan": "category", "pay": "number", "day": "date"}
    days = pd.date_range("2024-01-01", periods=40)
    one = pd.DataFrame({"plan": ["a", "b"] * 20, "pay": np.arange(40.0), "day": days})
    other = pd.DataFrame(
        {"plan": ["x", "y"] * 20, "pay": 7 * np.arange(40.0) + 3, "day": days + pd.Timedelta(days=366)}
    )
    for shown in (True, False):
        draw_distributions(tmp_path / "one.png", one, kinds, show_values=shown)
        draw_distributions(tmp_path / "other.png", other, kinds, show_values=shown)
        same = (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
        assert same is not shown


def test_the_card_of_a_real_classification(tmp_path: Path) -> None:
    features, codes = load_breast_cancer(return_X_y=True, as_frame=True)
    model = LogisticRegression(C=1e-4, max_iter=5000).fit(features[::2], codes[::2])
    found = evaluate(
        "classification",
        codes[1::2].to_numpy(),
        model.predict_proba(features[1::2]),
        codes[::2],
        ("malignant", "benign"),
    )
    pictures = draw_pictures(tmp_path, found, (("worst area", 0.3),), "diagnosis")
    result = result_of(
        found,
        pictures=pictures,
        target="diagnosis",
        fold_metrics={"accuracy": 0.91},
        fold_spread={"accuracy": 0.0123},
        leaderboard=(Candidate(name="lightgbm", model="lightgbm", loss=0.12, weight=0.7, note="1 fold failed"),),
        warnings=("Column 'id' looks like an identifier.",),
    )
    card = model_card(facts_of(found, result, folder=tmp_path, parameters={"n_trees": 300, "depth": None}))
    checked = Checker(card)
    assert checked.images == len(pictures) == 4
    accuracy = numbers.percent(found.metrics["accuracy"]).replace("\u00a0", " ")
    for words in (
        "It predicts diagnosis ( malignant or benign ) from 2 columns. Model: Random forest.",
        f"Of 284 rows that it had not seen, it named {accuracy} right",
        "91 % ± 1.2 %",
        "Column 'id' looks like an identifier.",
        "852 learned from, 284 held out",
        "1 min 23 s in all",
        "812 MB",
        "15 June 2025, 15:06 UTC",
        "n_trees 300",
        "depth none",
        "lightgbm 1 fold failed 0.1200 70 %",
        "held out at random",
        "/predict",
        "age=... plan=...",
    ):
        assert words in checked.text.replace("(malignant", "( malignant").replace("benign)", "benign )"), words
    assert "Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'" in card


def test_the_card_of_a_real_regression(tmp_path: Path) -> None:
    features, values = load_diabetes(return_X_y=True)
    predicted = LinearRegression().fit(features[::2], values[::2]).predict(features[1::2])
    found = evaluate("regression", values[1::2], predicted, values[::2])
    spec = TrainSpec(data=PathData(path="/d.csv"), target="y", split=TimeSplit(column="<day>"))
    text = Checker(model_card(facts_of(found, spec=spec))).text
    for words in (
        "(a number)",
        f"it was off by {numbers.digits(found.metrics['mae'])} on average",
        f"would have been off by {numbers.digits(found.baseline_metrics['mae'])}",
        "meant to hold 90 % of the true values",
        "Half of the rows",
        "the newest rows by <day>",
    ):
        assert words in text.replace("\u00a0", " "), words
    assert "at random" not in text


def test_the_card_says_what_another_threshold_would_cost() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 12, 4000)
    truth = (rng.random(4000) < chance).astype(np.int64)
    found = evaluate("classification", truth, np.column_stack([1 - chance, chance]), truth, ("stays", "leaves"))
    assert found.threshold is not None
    text = Checker(model_card(facts_of(found))).text
    accuracies = map(numbers.percent, (found.threshold.accuracy_before, found.threshold.accuracy))
    for words in (
        "All other numbers here are for the likelier class",
        "Accuracy " + " ".join(accuracies).replace("\u00a0", " "),
        f"unless they are asked for with the threshold {found.threshold.value:g}",
    ):
        assert words in text


def test_a_useless_model_is_called_so() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 500)
    noise = evaluate("classification", truth, rng.dirichlet(np.ones(2), 500), truth, ("a", "b"))
    assert "no better than an answer that looks at no column" in " ".join(verdict(result_of(noise)))
    far = evaluate("regression", rng.normal(size=500), 5 + rng.normal(size=500), rng.normal(size=500))
    assert "no better than an answer that looks at no column" in " ".join(verdict(result_of(far)))
    chance = rng.beta(1, 12, 4000)
    rare = (rng.random(4000) < chance).astype(np.int64)
    ranks = evaluate("classification", rare, np.column_stack([1 - chance, chance]), rare, ("a", "b"))
    assert "its chances do tell the classes apart" in " ".join(verdict(result_of(ranks)))


@given(
    name=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=100)),
    task=st.sampled_from(["classification", "regression"]),
)
@settings(max_examples=60, deadline=None)
def test_any_name_leaves_the_card_whole_and_still(name: str, task: Task) -> None:
    found = classified(2, 60, (name[:256], "other")) if task == "classification" else measured(rows=60)
    result = result_of(
        found,
        name=name,
        target=name,
        model=name,
        features=(name,),
        how=name,
        warnings=(name,),
        pictures=(name,),
        leaderboard=(Candidate(name=name, model=name, note=name),),
        fold_metrics={name: 1.0},
        metrics={**found.metrics, name: 1.0},
    )
    card = model_card(
        facts_of(
            found,
            result,
            data=name,
            data_hash=name,
            columns=(Column(name=name, kind="text", date_format=name),),
            parameters={name: name},
            versions={name: name},
            spec=TrainSpec(data=PathData(path="/d.csv"), target=name, split=TimeSplit(column=name)),
        )
    )
    card.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", card)
    checked = Checker(card)
    assert " ".join(label(name).split()) in checked.text


def test_names_keep_what_can_be_read() -> None:
    assert plain("Zoë  日本\n👩\u200d🚀") == "Zoë 日本 👩\u200d🚀"
    assert plain("a\x00b\ud800c\u202ed\uffff") == "abcd"
    assert len(plain("x" * 300)) == 256


def test_the_largest_card_stays_under_its_limit(tmp_path: Path) -> None:
    found = classified(1000, 3000, tuple(f"{n:04}" + '"' * 252 for n in range(1000)))
    pictures = tuple(f"{n}.png" for n in range(10))
    for name in pictures:
        (tmp_path / name).write_bytes(b"\x89PNG" + bytes(150_000))
    long = "&" * 250
    result = result_of(
        found,
        pictures=pictures,
        warnings=("<" * 2000,) * 20,
        leaderboard=tuple(Candidate(name=f"{n}{long}", model="m", note="<" * 2000) for n in range(50)),
    )
    columns = tuple(Column(name=f"{n}{long}", kind="number") for n in range(2000))
    card = model_card(facts_of(found, result, columns=columns, folder=tmp_path))
    assert len(card.encode()) <= MOST_BYTES
    checked = Checker(card)
    assert 0 < checked.images < 10
    assert "The 100 commonest of 1000 classes" in checked.text
    assert "1,500 more" in checked.text


def test_no_file_beside_the_folder_gets_into_the_card(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"\x89PNG")
    result = result_of(classified(2), pictures=("../secret.png", str(tmp_path / "secret.png"), "missing.png"))
    assert Checker(model_card(facts_of(classified(2), result, folder=folder))).images == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.digits(1234.5), "1,230"),
        (numbers.digits(0.00123456), "0.00123"),
        (numbers.digits(9.996), "10.0"),
        (numbers.digits(-45.678), "-45.7"),
        (numbers.digits(1.5e12), "1.50e+12"),
        (numbers.digits(0.0), "0"),
        (numbers.percent(0.8624), "86.2 %"),
        (numbers.percent(1.0), "100 %"),
        (numbers.percent(0.99999), "over 99.9 %"),
        (numbers.percent(1e-9), "under 0.1 %"),
        (numbers.seconds(4.24), "4.2 s"),
        (numbers.seconds(200), "3 min 20 s"),
        (numbers.seconds(7500), "2 h 5 min"),
        (numbers.size(812_000_000), "812 MB"),
        (numbers.short(4_512_345), "4.51M"),
        (numbers.short(860_123, 2), "860k"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written.replace("\u00a0", " ") == expected


def test_ticks_are_told_apart() -> None:
    assert numbers.tick_labels([0, 50_000, 100_000]) == ["0", "50k", "100k"]
    assert len(set(numbers.tick_labels([1_000_001, 1_000_002, 1_000_003]))) == 3


def test_iris_is_told_in_words() -> None:
    features, codes = load_iris(return_X_y=True)
    chances = LogisticRegression(max_iter=500).fit(features[::2], codes[::2]).predict_proba(features[1::2])
    found = evaluate("classification", codes[1::2], chances, codes[::2], ("setosa", "versicolor", "virginica"))
    text = Checker(model_card(facts_of(found))).text
    assert "one of 3 classes" in text
    assert "75 held-out rows are few" in text
