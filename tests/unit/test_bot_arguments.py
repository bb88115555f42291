"""What stands behind a command, typed with a thumb."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.arguments import parse, seconds, unquote, value


@pytest.mark.parametrize(
    ("typed", "words", "options"),
    [
        ("~/data/churn.csv churned", ("~/data/churn.csv", "churned"), {}),
        ('"~/my data/a b.csv" churned', ("~/my data/a b.csv", "churned"), {}),
        ("\u201c~/my data/a.csv\u201d y", ("~/my data/a.csv", "y"), {}),
        ("O'Brien.csv y", ("O'Brien.csv", "y"), {}),
        ("a.csv y model=random_forest max_depth=3", ("a.csv", "y"), {"model": "random_forest", "max_depth": "3"}),
        ('a.csv on="my laptop" y', ("a.csv", "y"), {"on": "my laptop"}),
        ('a.csv "a=b"', ("a.csv", "a=b"), {}),
        ('"unclosed a.csv', ('"unclosed', "a.csv"), {}),
        ("", (), {}),
        ("a.csv limit=", ("a.csv",), {"limit": ""}),
    ],
)
def test_words_and_options(typed: str, words: tuple[str, ...], options: dict[str, str]) -> None:
    arguments = parse(typed)
    assert (arguments.words, arguments.options) == (words, options)


@given(st.text(max_size=200))
def test_nothing_that_is_typed_breaks_it(typed: str) -> None:
    arguments = parse(typed)
    assert len("".join(arguments.words)) <= len(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("3", 3), ("0.1", 0.1), ("1e-3", 0.001), ("true", True), ("No", False), ("none", None), ("64,32", [64, 32]),
     ("[64, 32]", [64, 32]), ("gini", "gini")],
)  # fmt: skip
def test_values_are_what_they_look_like(typed: str, meant: object) -> None:
    assert value(typed) == meant
    assert type(value(typed)) is type(meant)


@pytest.mark.parametrize(("typed", "meant"), [("600", 600), ("10m", 600), ("1.5h", 5400), ("2 d", 172800), ("x", None)])
def test_durations(typed: str, meant: int | None) -> None:
    assert seconds(typed) == meant


def test_quotes_around_all_of_it_go() -> None:
    assert unquote(' "a b.csv" ') == "a b.csv"
    assert unquote('"a" b') == '"a" b'
