"""What a machine found in a table, as the form says it."""

from __future__ import annotations

import pytest

from bot.html import plain
from bot.table_facts import about_target, estimate, likeliest_first, likely_target
from head.api import DataFacts
from ray_jobs.spec import ColumnFacts, Proposal

MB = 1024 * 1024


def facts(**told: object) -> DataFacts:
    columns = tuple(ColumnFacts(name=name, kind="number", missing=0, distinct=9) for name in ("age", "plan", "left"))
    return DataFacts.model_validate({"path": "a.csv", "bytes": 10, "rows": 9, "columns": columns, **told})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"task": "regression"}, " (a number)"),
        ({"task": "classification"}, " (classes)"),
        ({"task": "classification", "classes": 2, "balance": {"no": 3, "yes": 1}}, " (2 classes: no 75 %, yes 25 %)"),
        ({"task": "classification", "classes": 4, "balance": dict.fromkeys("abcd", 1)},
         " (4 classes: a 25 %, b 25 %, c 25 % …)"),
        ({"task": "classification", "classes": 90, "balance": {"a": 5, "b": 4}}, " (90 classes)"),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_target(told: dict[str, object], said: str) -> None:
    assert about_target(facts(**told)) == said


@pytest.mark.parametrize(
    ("told", "beside", "said"),
    [
        ({"memory": 5 * MB, "seconds": 3.0}, 120, "Takes some 2 min 3 s."),
        ({"memory": 500 * MB, "seconds": 3.0}, 0, "Takes some 500 MB of memory and 3 s."),
        ({"memory": 500 * MB, "seconds": 3.0}, None, "Takes some 500 MB of memory."),
        ({"memory": 9000 * MB, "streamed": True}, 0,
         "Needs some 9 GB, more than is free: it is learned from in passes over the file."),
        ({"memory": 5 * MB}, 120, None),
    ],
)  # fmt: skip
def test_what_it_takes(told: dict[str, object], beside: int | None, said: str | None) -> None:
    estimated = estimate(facts(**told), beside=beside)
    assert (estimated and plain(estimated)) == said


def test_the_likeliest_target_comes_first_with_its_reason() -> None:
    found = facts(targets=(Proposal(name="left", reason="It is the last column."),))
    likely = likely_target(found)
    assert likely is not None
    assert plain(likely) == "Likely left: It is the last column."
    assert likeliest_first(found) == ["left", "age", "plan"]
    assert likely_target(facts()) is None
