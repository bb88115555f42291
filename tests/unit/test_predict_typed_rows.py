"""Rows typed in the chat."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression

from ray_jobs.manifest import Seen
from ray_jobs.predict.notes import Notes
from ray_jobs.predict.typed_rows import read_date, read_number
from ray_jobs.problems import Refused
from ray_jobs.schema import Column
from ray_jobs.spec import ProblemCode, RowsData
from tests.support.predicting import Desk, desk

_RNG = np.random.default_rng(0)
_NUMBER = Column(name="n", kind="number")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    """A model of who stays: mostly the old ones on plan pro."""
    rows = 400
    frame = pd.DataFrame(
        {
            "Age": _RNG.integers(18, 90, rows),
            "plan": _RNG.choice(["basic", "Pro", "none"], rows),
            "price": np.round(_RNG.uniform(500, 2000, rows), 2),
            "member": _RNG.random(rows) < 0.5,
            "joined": [
                f"{day:02}.{month:02}.2020"
                for day, month in zip(_RNG.integers(1, 28, rows), _RNG.integers(1, 12, rows), strict=True)
            ],
        }
    )
    frame["stays"] = (frame["Age"] > 50) & (frame["plan"] == "Pro") | (_RNG.random(rows) < 0.05)
    where = desk(tmp_path_factory.mktemp("typed"))
    return where, where.learn(frame, "stays", LogisticRegression(max_iter=2000))


def typed(*rows: dict[str, str]) -> RowsData:
    return RowsData(rows=rows)


def test_a_typed_row_gives_the_same_as_a_row_of_a_file(made: tuple[Desk, str]) -> None:
    where, model = made
    row = {"Age": "70", "plan": "Pro", "price": "1200.5", "member": "True", "joined": "01.02.2020"}
    pd.DataFrame([row, row]).to_csv(where.folder / "rows.csv", index=False)
    from_file = where.predict(model, "rows.csv")
    from_chat = where.predict(model, typed(row, row))
    assert from_chat.preview == from_file.preview
    assert from_chat.counts == from_file.counts == {"True": 2}
    assert from_chat.warnings == ()
    assert from_chat.file == "typed-rows.predictions.csv"
    assert where.file(from_chat).read_text() == where.file(from_file).read_text()
    assert from_chat.path == f"/home/ann/hayride/results/{from_chat.file}"


def test_what_people_type(made: tuple[Desk, str]) -> None:
    where, model = made
    plain = where.predict(
        model, typed({"Age": "70", "plan": "Pro", "price": "1200.5", "member": "true", "joined": "01.02.2020"})
    )
    as_typed = {" age ": " 70,0", "PLAN": "pro", "Price": "1.200,5", "member": "Yes", "joined": "2020-02-01"}
    result = where.predict(model, typed(as_typed))
    assert result.preview.rows[0][:3] == plain.preview.rows[0][:3]
    assert result.preview.columns[3:] == ("Age", "plan", "price", "member", "joined")
    assert result.preview.rows[0][3:] == ("70,0", "pro", "1.200,5", "Yes", "2020-02-01")


def test_missing_columns_count_as_missing_and_are_named(made: tuple[Desk, str]) -> None:
    where, model = made
    result = where.predict(model, typed({"Age": "70", "plan": "?"}, {"price": "700"}))
    assert result.warnings == ("Not given, so they count as missing: 'member', 'joined'.",)
    lines = where.file(result).read_text().splitlines()
    assert lines[0] == "Age,plan,price,prediction,probability_False,probability_True"
    assert lines[1].startswith("70,?,,")
    assert lines[2].startswith(",,700,")


@pytest.mark.parametrize(
    ("row", "code", "subject", "near"),
    [
        ({"Agee": "70"}, ProblemCode.COLUMN_MISSING, "Agee", "Age"),
        ({"Age": "70", "colour": "red"}, ProblemCode.COLUMN_MISSING, "colour", "Age"),
        ({"stays": "True"}, ProblemCode.COLUMN_MISSING, "Age, plan, price, member, joined", "Age"),
        ({"Age": "old"}, ProblemCode.COLUMN_TYPE, "Age", ""),
        ({"Age": "1e999"}, ProblemCode.COLUMN_TYPE, "Age", ""),
        ({"Age": "1..2"}, ProblemCode.COLUMN_TYPE, "Age", ""),
        ({"member": "perhaps"}, ProblemCode.COLUMN_TYPE, "member", ""),
        ({"joined": "yesterday"}, ProblemCode.COLUMN_TYPE, "joined", ""),
        ({"joined": "31.02.2020"}, ProblemCode.COLUMN_TYPE, "joined", ""),
    ],
)
def test_what_cannot_be_meant(
    made: tuple[Desk, str], row: dict[str, str], code: ProblemCode, subject: str, near: str
) -> None:
    where, model = made
    problem = where.refused(model, typed(row))
    assert (problem.code, problem.subject) == (code, subject)
    assert (problem.suggestions or ("",))[0] == near


def test_every_format_of_result(made: tuple[Desk, str]) -> None:
    where, model = made
    for output in ("csv", "parquet", "feather", "jsonl", "xlsx"):
        result = where.predict(model, typed({"Age": "70", "plan": "Pro"}, {"price": "1,5"}), output=output, reasons=1)
        assert result.file.startswith("typed-rows")
        assert result.file.endswith(f".predictions.{output}")
        assert where.file(result).stat().st_size
        assert result.preview.rows[1][4:] == ("", "", "1,5")


def test_a_true_target_is_compared(made: tuple[Desk, str]) -> None:
    where, model = made
    row = {"Age": "80", "plan": "Pro"}
    result = where.predict(model, typed({**row, "stays": "true"}, {**row, "Stays": "False"}, {**row, "stays": "?"}))
    assert result.metrics["accuracy"] == 0.5


def test_a_category_called_none_is_one_where_training_had_it(made: tuple[Desk, str]) -> None:
    where, model = made
    result = where.predict(model, typed({"Age": "30", "plan": "none"}, {"Age": "30", "plan": "None"}))
    assert result.warnings == ("Not given, so they count as missing: 'price', 'member', 'joined'.",)
    other = where.predict(model, typed({"Age": "30", "plan": "gold"}))
    assert "1 row (100 %) has in 'plan' a category that training never saw: 'gold'." in other.warnings


def test_typed_rows_are_answered_where_no_rows_are_shared(made: tuple[Desk, str]) -> None:
    where, model = made
    private = where.unlimited(share_rows=False)
    result = where.predict(model, typed({"Age": "30"}), private)
    assert result.preview.rows  # they came from the chat
    pd.DataFrame([{"Age": 30, "plan": "gold", "price": 1, "member": True, "joined": "01.01.2020"}] * 30).to_csv(
        where.folder / "file.csv", index=False
    )
    result = where.predict(model, "file.csv", private)
    assert result.preview.rows == ()
    assert not any("gold" in note or "2000" in note for note in result.warnings)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("41", 41),
        ("-3.5", -3.5),
        ("3,5", 3.5),
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("1 234,5", 1234.5),
        ("1'234'567.5", 1234567.5),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("+7e3", 7000),
        (".5", 0.5),
        (",5", 0.5),
        ("1,234", 1.234),
    ],
)
def test_numbers(text: str, number: float) -> None:
    assert read_number(text, _NUMBER, None, Notes()) == number


def test_a_comma_before_three_digits_is_read_as_training_saw_such_numbers() -> None:
    notes = Notes()
    large = Seen(name="n", missing=0, quantiles=(100.0,) * 10 + (9000.0,))
    assert read_number("1,234", _NUMBER, large, notes) == 1234
    assert notes.told() == ("'1,234' in 'n' was read as 1234, as training saw such numbers.",)
    both = Seen(name="n", missing=0, quantiles=(0.0,) * 10 + (9000.0,))
    assert read_number("1,234", _NUMBER, both, notes) == 1.234


@pytest.mark.parametrize("text", ["2020-02-01", "01.02.2020", "2020-02-01 00:00"])
def test_dates(text: str) -> None:
    assert str(read_date(text, Column(name="d", kind="date", date_format="%d.%m.%Y")).date()) == "2020-02-01"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_it_is_written(number: float) -> None:
    for text in (repr(number), repr(number).replace(".", ",")):
        assert read_number(text, _NUMBER, None, Notes()) == number


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    with suppress(Refused):
        assert np.isfinite(read_number(text, _NUMBER, None, Notes()))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "B", "y"]), st.text(max_size=12), min_size=1))
def test_any_row_is_predicted_or_refused(regression: tuple[Desk, str], row: dict[str, str]) -> None:
    where, model = regression
    with suppress(Refused):
        result = where.predict(model, typed(row))
        assert result.rows == 1
        where.file(result).unlink()


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    frame = pd.DataFrame({"a": _RNG.normal(size=200), "b": _RNG.choice(["u", "v"], 200)})
    frame["y"] = frame["a"] * 3
    where = desk(tmp_path_factory.mktemp("regression"))
    return where, where.learn(frame, "y", LinearRegression())


def test_nothing_is_left_of_a_refused_prediction(made: tuple[Desk, str]) -> None:
    where, model = made
    where.refused(model, typed({"Age": "old"}))
    assert not list(Path(where.place.folder).glob("jobs/*/unfinished*"))
