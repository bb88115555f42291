"""Every state and every error has its words, in three lines where it is an error."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pytest

from bot import words
from bot.html import plain
from head.api import (
    DataRefused,
    EndReason,
    HayrideError,
    JobRefused,
    JobStatus,
    JoinState,
    MachineState,
    NotFoundError,
    PoolUnavailable,
    Problem,
    ProblemCode,
)


@pytest.mark.parametrize(
    ("table", "states"),
    [
        (words.PROBLEMS, ProblemCode),
        (words.ENDINGS, EndReason),
        (words.STATUSES, JobStatus),
        (words.MACHINES, MachineState),
        (words.JOINS, JoinState),
    ],
)
def test_no_state_is_without_words(table: Mapping[Enum, object], states: type[Enum]) -> None:
    assert set(table) == set(states)


@pytest.mark.parametrize("code", ProblemCode)
def test_a_problem_is_three_lines(code: ProblemCode) -> None:
    for message in ("", "The file is <odd> & long."):
        said = plain(words.problem(Problem(code=code, message=message))).splitlines()
        assert len(said) == 3
        assert all(len(line) > 10 and not line.endswith(" ") for line in said)


def test_a_problem_names_what_would_do_and_the_log_line() -> None:
    problem = Problem(code=ProblemCode.TARGET_MISSING, message="No.", suggestions=("churn", "churned"), log_id="ab12")
    said = plain(words.problem(problem))
    assert "Did you mean churn or churned?" in said
    assert said.endswith("id ab12")


@pytest.mark.parametrize(
    "error",
    [
        HayrideError("It is so.", remedy="Do this."),
        JobRefused("It is so."),
        NotFoundError("It is so."),
        PoolUnavailable("It is so."),
        DataRefused(Problem(code=ProblemCode.FILE_EMPTY, message="It is so.")),
    ],
)
def test_every_error_is_three_lines(error: HayrideError) -> None:
    said = plain(words.error(error)).splitlines()
    assert len(said) == 3
    assert "It is so." in said[0]


def test_a_bug_shows_nothing_but_its_id() -> None:
    assert plain(words.bug("12ab")).endswith("id 12ab")
