"""Which columns a model learns from: lists with patterns, and what is left out without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ray_jobs.problems import Refused
from ray_jobs.profiling import choose_features
from ray_jobs.spec import ProblemCode


def table(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "key": [f"k{n:03}" for n in range(rows)],
            "row": range(rows),
            "price_net": random.normal(size=rows),
            "price_gross": random.normal(size=rows),
            "Price_old": random.normal(size=rows),
            "price_*": random.normal(size=rows),
            "[x]": random.normal(size=rows),
            "same": 1,
            "y": random.normal(size=rows),
        }
    )


def chosen(include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    return [column.name for column in choose_features(table(), "y", include, exclude)[0]]


def test_without_lists_every_useful_column() -> None:
    columns, notes = choose_features(table(), "y")
    assert [column.name for column in columns] == ["price_net", "price_gross", "Price_old", "price_*", "[x]"]
    assert notes == [
        "Left out, since they have one value or none: 'same'.",
        "Left out, since they look like identifiers: 'key', 'row'.",
    ]


def test_names_and_patterns() -> None:
    assert chosen(include=("price_?*",)) == ["price_net", "price_gross", "price_*"]
    assert chosen(include=("price_*",)) == ["price_*"]  # a column's very name means that column
    assert chosen(include=("[x]",)) == ["[x]"]
    assert chosen(include=("[Pp]rice_o*",)) == ["Price_old"]
    assert chosen(include=("*",)) == chosen()
    assert chosen(exclude=("*rice_*",)) == ["[x]"]
    assert chosen(include=("price_net", "price_net", "price_n*"), exclude=("price_gross",)) == ["price_net"]
    assert chosen(include=(" price_net ",)) == ["price_net"]


def test_a_name_brings_in_what_would_be_left_out() -> None:
    assert chosen(include=("key", "same", "price_net")) == ["key", "price_net", "same"]
    assert chosen(include=("k*", "s*", "price_net")) == ["price_net"]  # a pattern may have meant others


def test_the_target_is_never_learned_from() -> None:
    columns, notes = choose_features(table(), "y", include=("y", "price_net"))
    assert [column.name for column in columns] == ["price_net"]
    assert notes == ["'y' is what is to be predicted, so it is not learned from."]
    assert "y" not in chosen(exclude=("y",))


@pytest.mark.parametrize(
    ("entry", "message", "nearest"),
    [
        ("prise_net", "No column of the file is called 'prise_net'.", "price_net"),
        ("sale_*", "No column of the file matches 'sale_*'.", "same"),
        ("PRICE_*", "No column of the file matches 'PRICE_*'.", "price_*"),  # upper and lower case differ
    ],
)
def test_an_entry_that_matches_nothing(entry: str, message: str, nearest: str) -> None:
    for lists in ({"include": (entry,)}, {"exclude": (entry,)}):
        with pytest.raises(Refused) as caught:
            choose_features(table(), "y", **lists)
        problem = caught.value.problem
        assert (problem.code, problem.message, problem.subject) == (ProblemCode.COLUMN_MISSING, message, entry)
        assert nearest in problem.suggestions


def test_nothing_left() -> None:
    with pytest.raises(Refused) as caught:
        choose_features(table(), "y", exclude=("*r*", "price_*", "[x]"))
    problem = caught.value.problem
    assert problem.code is ProblemCode.NO_FEATURES
    assert problem.message == "There is no column to learn 'y' from; the others were left out ('key', 'same')."
    with pytest.raises(Refused) as caught:
        choose_features(table()[["y"]], "y")
    assert caught.value.problem.message == "There is no column to learn 'y' from."


def test_a_lone_column_that_counts_is_better_than_none() -> None:
    columns, notes = choose_features(table()[["key", "row", "same", "y"]], "y")
    assert [column.name for column in columns] == ["row"]
    assert notes[-1] == "Left out, since they look like identifiers: 'key'."
    small, _ = choose_features(table(30)[["key", "y"]], "y")
    assert [column.name for column in small] == ["key"]


def test_constants_alone_are_nothing_to_learn_from() -> None:
    with pytest.raises(Refused) as refused:
        chosen(("same",))
    assert refused.value.problem.code is ProblemCode.NO_FEATURES
    assert chosen(("same", "price_net")) == ["price_net", "same"]
