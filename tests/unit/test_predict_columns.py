"""Which columns serve a model, what is refused before anything is computed, and what is only said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.reading.source import open_source
from ray_jobs.spec import PathData, ProblemCode
from tests.support.predicting import Desk, desk

_RNG = np.random.default_rng(0)


def people(rows: int = 300) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Age": _RNG.integers(18, 90, rows),
            "Plan": _RNG.choice(["basic", "pro"], rows),
            "joined": [f"2020-{month:02}-{1 + row % 28:02}" for row, month in enumerate(_RNG.integers(1, 13, rows))],
            "active": _RNG.random(rows) < 0.5,
            "stays": _RNG.choice(["yes", "no"], rows),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    where = desk(tmp_path_factory.mktemp("columns"))
    return where, where.learn(people(), "stays", LogisticRegression())


def given(made: tuple[Desk, str], frame: pd.DataFrame) -> str:
    frame.to_csv(made[0].folder / "given.csv", index=False)
    return "given.csv"


def test_missing_columns_are_named_with_those_that_are_near(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = people().rename(columns={"Age": "Agee", "joined": "when"})
    problem = where.refused(model, given(made, frame))
    assert problem.code is ProblemCode.COLUMN_MISSING
    assert problem.message == "The model needs the columns 'Age', 'joined', which the file does not have."
    assert (problem.subject, problem.suggestions) == ("Age, joined", ("Agee",))
    assert [step.name for step in where.told] == ["loading the model", "reading"]


def test_a_name_that_differs_in_case_alone_is_taken_with_a_word(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = people()
    plain = where.predict(model, given(made, frame))
    result = where.predict(model, given(made, frame.rename(columns={"Age": "AGE", "stays": "Stays"})))
    assert result.warnings[0] == "Taken for the model's columns, though written differently: 'AGE', 'Stays'."
    assert result.metrics == plain.metrics
    assert result.counts == plain.counts
    both = frame.assign(AGE=1, age=2).drop(columns="Age")
    assert where.refused(model, given(made, both)).subject == "Age"
    exact = where.predict(model, given(made, frame.assign(AGE=1)))
    assert exact.counts == plain.counts
    assert exact.warnings == ("Not used by the model, and kept in the result: 'AGE'.",)


def test_order_and_more_columns_do_not_matter(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = people()
    plain = where.predict(model, given(made, frame))
    other = frame[list(frame.columns)[::-1]].assign(**{f"more {n}": n for n in range(30)})
    result = where.predict(model, given(made, other))
    assert result.counts == plain.counts
    assert len(result.warnings) == 1
    assert "and 22 more" in result.warnings[0]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("Age", ["old", "young"], "Column 'Age' held numbers in training; here none of its values is one of those"),
        ("Age", ["old", "young", "40"], "Column 'Age' held numbers in training; here 67% of its values are not"),
        ("Age", ["2020-01-01", "2021-05-05"], "Column 'Age' held numbers"),
        ("active", ["perhaps", "never"], "Column 'active' held true and false"),
        ("joined", ["soon", "later"], "Column 'joined' held dates"),
        ("joined", ["41000", "41001"], "Column 'joined' held dates"),
        ("Plan", ["1", "2"], "Column 'Plan' held categories"),
    ],
)
def test_a_column_that_has_become_another_is_refused(
    made: tuple[Desk, str], name: str, values: list[str], message: str
) -> None:
    where, model = made
    frame = people()
    frame[name] = (values * 300)[:300]
    problem = where.refused(model, given(made, frame))
    assert (problem.code, problem.subject) == (ProblemCode.COLUMN_TYPE, name)
    assert problem.message.startswith(message)
    assert [step.name for step in where.told] == ["loading the model", "reading"]


def test_a_date_column_where_numbers_were_is_refused(made: tuple[Desk, str]) -> None:
    where, model = made
    people().assign(Age=pd.Timestamp("2020-01-01")).to_parquet(where.folder / "dates.parquet")
    assert where.refused(model, "dates.parquet").code is ProblemCode.COLUMN_TYPE


def test_a_few_values_of_another_type_count_as_missing_and_are_counted(made: tuple[Desk, str]) -> None:
    where, model = made
    frame = people().astype({"Age": object})
    frame.loc[:2, "Age"] = "unknown"
    result = where.predict(model, given(made, frame))
    assert any("'Age'" in note and "3" in note and "missing" in note for note in result.warnings)
    assert result.rows == 300


@pytest.mark.parametrize(
    ("name", "values"),
    [("own.csv", ["inf", "1", "-inf"]), ("own.jsonl", ["NaN", "1", "Infinity", "-1e999", "1" + "0" * 400])],
)
def test_a_model_takes_its_own_table_where_most_numbers_are_infinite(
    made: tuple[Desk, str], name: str, values: list[str]
) -> None:
    where, _ = made
    record = "{},{},{}\n" if name.endswith("csv") else '{{"x": {}, "z": {}, "t": "{}"}}\n'
    rows = "".join(record.format(values[n % len(values)], n % 7, "ab"[n % 2]) for n in range(60))
    (where.folder / name).write_text(f"x,z,t\n{rows}" if name.endswith("csv") else rows)
    with open_source(where.place, PathData(path=str(where.folder / name))) as source:
        model = where.learn(source.frame(), "t", LogisticRegression())
    assert where.predict(model, name).rows == 60


def test_new_categories_are_no_reason_to_refuse(made: tuple[Desk, str]) -> None:
    where, model = made
    result = where.predict(model, given(made, people().assign(Plan="gold")))
    assert "300 rows (100 %) have in 'Plan' a category that training never saw: 'gold'." in result.warnings


def test_an_empty_column_is_told(made: tuple[Desk, str]) -> None:
    where, model = made
    result = where.predict(model, given(made, people().assign(Age="", Plan="")))
    assert "100% of 'Age' is missing; in training it was 0%." in result.warnings
    assert "100% of 'Plan' is missing; in training it was 0%." in result.warnings


def test_a_model_that_kept_nothing_of_its_rows_still_predicts(made: tuple[Desk, str]) -> None:
    where, model = made
    path = where.place.models / model / "manifest.json"
    before = path.read_text()
    try:
        from ray_jobs.manifest import Manifest

        path.write_text(Manifest.model_validate_json(before).model_copy(update={"seen": ()}).model_dump_json())
        result = where.predict(model, given(made, people().assign(Plan="gold")), reasons=2)
    finally:
        path.write_text(before)
    assert (result.rows, result.drift) == (300, ())


def test_notes_are_few_and_in_order() -> None:
    notes = Notes()
    for number in range(40):
        notes.add(Weight.RANGE, f"range {number}")
        notes.add(Weight.UNSEEN, f"unseen\n {number}")
    notes.add(Weight.ASIDE, "aside")
    notes.add(Weight.MODEL, "model")
    notes.add(Weight.MODEL, "model")
    told = notes.told()
    assert told[0] == "model"
    assert told[1:7] == (*(f"unseen {n}" for n in range(5)), "The same is true of 35 more columns.")
    assert told[-1] == "aside"
    assert len(told) == 14
