"""The chat knows what machines and the control plane say, as their source has it, and nothing that nobody says."""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot import machine_words
from bot.language import speaking
from bot.machine_sentences import SENTENCES
from head.api import CATALOGUE
from ray_jobs.catalogue import Step
from ray_jobs.order import Order
from ray_jobs.place import Place
from ray_jobs.profiling import profile
from ray_jobs.spec import ProfileResult, ProfileSpec
from tests.support.training import place as place
from tests.support.training import trained, written

ROOT = Path(__file__).resolve().parents[2]
#: Kinds of models that are called alike everywhere.
NAMES = {"Lasso", "LightGBM", "XGBoost", "CatBoost", "Naive Bayes"}


def _said(*folders: str) -> Iterator[tuple[str, str]]:
    """(name of the call that it is an argument of, text with `{}` for each value) of every string in the source."""
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                        yield name, _text(argument)
                elif isinstance(node, ast.Constant | ast.JoinedStr):
                    yield "", _text(node)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@pytest.fixture(scope="module")
def everything() -> str:
    return "\n".join(text for _, text in _said("ray_jobs", "head")).lower()


@pytest.mark.parametrize("sentence", SENTENCES)
def test_somebody_still_says_it(sentence: str, everything: str) -> None:
    """Many are put together of pieces there, so three words of it in a row have to be found."""
    pieces = [piece.lower().split() for piece in re.split(r"\{\w+\}|'", sentence)]
    some = [" ".join(words[at : at + 3]) for words in pieces for at in range(max(1, len(words) - 2)) if words]
    longest = max(len(part.split()) for part in some)
    assert any(part in everything for part in some if len(part.split()) == longest)


def test_every_step_of_a_job_is_known() -> None:
    steps = {text for call, text in _said("ray_jobs") if call == "Step" and text}
    assert len(steps) > 20
    with speaking("pt"):
        for step in steps:
            first = "tree" if step.startswith("{} ") else "reading" if step.startswith("{}:") else "3"
            said = step.replace("{}", first, 1).replace("{}", "7")
            assert machine_words.translated(said), said


def test_every_kind_of_model_is_told_in_the_readers_words() -> None:
    with speaking("pt"):
        for entry in CATALOGUE:
            assert entry.title in NAMES or machine_words.translated(entry.title), entry.title
            assert machine_words.translated(entry.good_for), entry.good_for


def test_what_a_difficult_table_gives_rise_to_is_told_in_the_readers_words(place: Place) -> None:
    """Profiles and trainings of a table with nearly all that can be said of one."""
    data = written(place, _difficult())
    said = set()
    for target in (None, "churned", "price"):
        order = Order(spec=ProfileSpec(data=data, target=target), place=place, job_id="profile", threads=1)
        found = _end(profile(order)).profile
        said |= {it.message for it in found.findings} | {it.reason for it in found.facts.targets}
        said |= set(found.facts.warnings)
    for spec in (
        {"target": "churned", "model": "random_forest", "folds": 3, "parameters": {"n_estimators": 20}},
        {"target": "price", "model": "lasso"},
    ):
        result, steps = trained(place, data, **spec)
        said |= set(result.warnings) | {step.name for step in steps} | ({result.how} if result.how else set())
    assert len(said) > 25
    with speaking("pt"):
        assert [it for it in said if machine_words.translated(it) is None] == []


def _difficult() -> pd.DataFrame:
    """Keys, copies, gaps, text that should be numbers, a leak, a rare class, a column of dates, a skewed number."""
    random, rows = np.random.default_rng(0), 600
    age, months = random.integers(18, 90, rows), random.normal(size=rows)
    churned = np.where(random.random(rows) < 0.06, "rare", np.where(age > 50, "yes", "no"))
    frame = pd.DataFrame(
        {
            "age": age,
            "plan": random.choice(list("abc"), rows),
            "id": np.arange(rows),
            "months": months,
            "const": 1,
            "amount": [f"{value:.2f} €" for value in random.normal(100, 10, rows)],
            "empty": [None] * (rows - 9) + [1] * 9,
            "sold": pd.date_range("2020-01-01", periods=rows).astype(str),
            "leak": (churned != "no").astype(int) + months * 0.001,
            "price": np.exp(age / 20) + random.normal(size=rows),
            "churned": churned,
        }
    )
    frame.loc[:20, "churned"] = None
    return pd.concat([frame, frame.iloc[:200]])


def _end(working: Generator[Step, None, ProfileResult]) -> ProfileResult:
    while True:
        try:
            next(working)
        except StopIteration as end:
            result: ProfileResult = end.value
            return result


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Lasso tuned 3", "Lasso (ajuste 3)"),
        ("Random forest tuned 12 was the best alone.", "Floresta aleatória (ajuste 12) foi o melhor sozinho."),
        ("It is the last column and it has two classes.", "É a última coluna e tem duas classes."),
        ("first reading: 336,776 rows", "primeira leitura: 336.776 linhas"),
        ("There is no file reading.", "Não há arquivo reading."),
        ("The file has no column 'a. b'.", "A coluna 'a. b' não existe no arquivo."),
        (
            "3 models combined were better than the best alone. Nothing else was compared with it.",
            "3 modelos combinados foram melhores que o melhor sozinho. Nada mais foi comparado com ele.",
        ),
        ("3 models combined were better than the best alone. Then it rained.",) * 2,
        ("12 of 1,300 rows have no value in 'x' and were left out.",
         "12 de 1.300 linhas não têm valor em 'x' e ficaram de fora."),
    ],
)  # fmt: skip
def test_values_stay_what_they_are(said: str, heard: str) -> None:
    with speaking("pt"):
        assert machine_words.heard(said) == heard
    assert machine_words.heard(said) == said
