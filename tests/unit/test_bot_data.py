"""/data in the terminal: a job that looks at a table, and how its end reads."""

from __future__ import annotations

from pathlib import Path

from head.api import ColumnProfile, DataFacts, PathData, Profile, ProfileResult, ProfileSpec, TrainSpec
from tests.support.chats import terminal


def _profile() -> ProfileResult:
    facts = DataFacts.model_validate({
        "path": "/home/ann/churn.csv", "bytes": 41_000_000, "rows": 812_345,
        "rows_exact": False, "rows_sampled": 100_000,
        "columns": [{"name": name, "kind": "number", "missing": 0, "distinct": 9} for name in ("age", "plan")],
        "targets": [{"name": "churned", "reason": "it has two values and stands last"}],
    })  # fmt: skip
    columns = (
        ColumnProfile(
            name="age", kind="number", missing=12, distinct=70, quantiles=("18", "20", "31", "42", "55", "80", "99")
        ),
        ColumnProfile(name="<b>plan", kind="category", missing=0, distinct=2, top=(("pro", 60_000), ("free", 40_000))),
    )
    findings = ({"code": "leak", "message": "'paid' alone predicts 'churned' almost perfectly.", "columns": ["paid"]},)
    told = {"facts": facts, "columns": columns, "duplicates": 3, "findings": findings}
    return ProfileResult(profile=Profile.model_validate(told))


async def test_a_table_is_looked_at_as_a_job_and_told_in_words(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        assert "Profile: churn.csv" in await chat.types("/data ~/churn.csv churned")
        spec = chat.job().spec
        assert isinstance(spec, ProfileSpec)
        assert spec.target == "churned"
        chat.run_job()
        chat.head.finish(chat.job().id, _profile())
        printed = await chat.types("!")
    for words in (
        "churn.csv: about 812,345 rows, looked at 100,000 of them, 2 columns, 39.1 MB",
        "3 rows are copies of an earlier row.",
        "'paid' alone predicts 'churned' almost perfectly.",
        "age numbers, 18 to 99, 12 missing",
        "<b>plan categories, pro, free",
        "Could be predicted: churned, it has two values and stands last",
    ):
        assert words in printed


async def test_what_was_looked_at_can_be_trained_on(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        await chat.types("/data ~/churn.csv churned sheet=2024")
        chat.head.finish(chat.job().id, _profile())
        assert "[1] Train on this" in await chat.types("!")
        form = await chat.types("#1")
        assert "Train a model" in form
        assert "Target: churned" in form
        await chat.types("#1")
        spec = chat.job().spec
        assert isinstance(spec, TrainSpec)
        assert (spec.data, spec.target) == (PathData(path="~/churn.csv", sheet="2024"), "churned")


async def test_what_cannot_be_looked_at_is_told_at_once(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        assert "Which file?" in await chat.types("/data")
        assert "no machine called moon" in await chat.types("/data ~/churn.csv on=moon")
        assert "That name is too long" in await chat.types(f"/data ~/{'x' * 5000}")
