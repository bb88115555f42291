"""What there is to know about a job: its times, its settings as a line, what it told last, its losses as a picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import loss_curve
from bot.language import speaking
from bot.typed import typed
from head.api import (
    HEAD,
    Candidate,
    EndReason,
    ExportSpec,
    GroupSplit,
    JobStatus,
    PathData,
    PredictSpec,
    Problem,
    ProblemCode,
    ProfileSpec,
    Progress,
    RowsData,
    Spec,
    TimeSplit,
    TrainResult,
    TrainSpec,
)
from head.clock import ManualClock
from ray_jobs.spec import Started
from tests.support.chats import Terminal, terminal, trained
from tests.support.in_memory_head import CHURN, InMemoryHead

NETWORK = "/train ~/churn.csv churned model=mlp"


async def _started(chat: Terminal, line: str = "/train ~/churn.csv churned") -> str:
    await chat.types(line)
    await chat.types("#1")
    return chat.job().id


def _epochs(count: int, *, first: int = 1, held: float | None = 0.6) -> list[Progress]:
    """Numbered from `first` on; the loss of the n-th is 1/n."""
    seen = {} if held is None else {"val_loss": held}
    return [
        Progress(n=first + n - 1, at=0.0, step=f"epoch {n} of at most 50", metrics={"loss": 1 / n} | seen)
        for n in range(1, count + 1)
    ]


async def test_a_training_has_its_next_steps_below_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _started(chat)
        assert chat.labels() == ["Cancel", "Details"]
        chat.run_job()
        chat.head.finish(chat.job().id, trained())
        await chat.types("!")
        assert chat.labels() == ["Predict", "Compare", "Details", "Model card", "Again…"]


async def test_details_tell_times_settings_and_what_the_model_is_made_of(tmp_path: Path) -> None:
    clock = ManualClock()
    head = InMemoryHead(clock=clock, files={"~/churn.csv": CHURN})
    async with terminal(tmp_path, clock, head) as chat:
        chat.head.add_machine(chat.person_id, "laptop")
        job_id = await _started(chat, "/train ~/churn.csv churned test=20% seed=3")
        clock.advance(60)
        chat.run_job(node_ip="127.77.1.1", sealed=True)
        clock.advance(60)
        board = (
            Candidate(name="lightgbm", model="lightgbm", loss=0.31, seconds=12, weight=0.75),
            Candidate(name="random_forest", model="random_forest"),
        )
        result = trained().model_copy(
            update={
                "leaderboard": board, "importance": (("age", 0.12), ("plan", 0.0)), "threshold": 0.42,
                "peak_memory": 3 << 29, "warnings": tuple(f"warning {n}" for n in range(5)),
            }
        )  # fmt: skip
        chat.head.finish(job_id, TrainResult.model_validate(result.model_dump()))
        await chat.types("!")
        told = await chat.press("Details")
    day = r"[A-Z][a-z]{2} \d+, \d{4}, "
    assert re.search(rf"🕓 {day}(\S+) UTC: waiting\n▶️ \S+: running\n✅ \S+: done", told)
    assert "It ran on laptop (127.77.1.1), in a sealed box." in told
    assert "/train ~/churn.csv churned model=auto test=0.2 seed=3 budget=2m limit=10m on=laptop" in told
    assert "1. lightgbm, loss 0.31, 12 s, 75 % of the result" in told
    assert "2. random_forest, no result" in told
    assert "age: 0.12" in told
    assert "plan: " not in told
    assert "Classes of churned: no, yes" in told
    assert "yes from a probability of 0.42 on" in told
    assert "from 3 columns and took 1.5 GB of memory at most" in told
    assert "warning 4" in told
    assert "warning 2" not in told  # by the result itself
    assert "The last steps" not in told


async def test_a_failure_tells_why_and_its_last_different_steps(tmp_path: Path) -> None:
    clock = ManualClock()
    async with terminal(tmp_path, clock, InMemoryHead(clock=clock, files={"~/churn.csv": CHURN})) as chat:
        job_id = await _started(chat)
        chat.run_job()
        at = clock.now().timestamp()
        chat.head.tell(job_id, Started(n=1, at=at, node_ip="127.77.1.1", sealed=True))
        steps = ["reading", "reading", *(f"fold {n} of 20" for n in range(1, 13)), "fold 12 of 20"]
        chat.head.tell(job_id, *(Progress(n=n, at=at + n, step=step) for n, step in enumerate(steps, start=2)))
        chat.head.tell(job_id, Progress(n=99, at=1e300, step="judging"))  # by a clock that lies
        clock.advance(100)
        problem = Problem(code=ProblemCode.OUT_OF_MEMORY, message="The job needed 9 GB.")
        chat.head.set_job(
            job_id, status=JobStatus.FAILED, end_reason=EndReason.OUT_OF_MEMORY, problem=problem, ended=clock.now()
        )
        await chat.types("!")
        assert chat.labels() == ["Retry", "Again…", "Details"]
        told = await chat.press("Details")
        assert chat.labels() == ["Retry", "Again…", "Dashboard"]
        listed = await chat.types("/jobs") + await chat.types("#1")
    assert told.count("The job needed 9 GB.") == listed.count("The job needed 9 GB.") == 1
    log = told.partition("The last steps\n")[2].splitlines()
    assert [line.partition(" ")[2] for line in log[:10]] == [*(f"fold {n} of 20" for n in range(4, 13)), "judging"]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", line.partition(" ")[0]) for line in log[:10])
    assert "The last steps" in listed


async def test_details_of_another_persons_job_are_not_told(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        eve = await chat.head.person_for_telegram(7, "Eve")
        job = await chat.head.submit(eve.id, TrainSpec(data=PathData(path="x"), target="y"), HEAD, request="1")
        chat.head.set_job(job.id, status=JobStatus.FAILED, end_reason=EndReason.CRASHED, ended=chat.head.clock.now())
        assert "You have no such job" in await chat.types(f"job_{job.id}")


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            TrainSpec(
                data=PathData(path="~/my data.csv", sheet="May"), target='say "yes"', model="random_forest",
                parameters={"max_depth": None, "bootstrap": True, "hidden": [64, 32]}, task="regression",
                split=TimeSplit(column="sold on"), folds=5, include=("a", "b c"), exclude=("d",), name="x y",
                time_limit=90,
            ),
            '/train "~/my data.csv" sheet=May \'say "yes"\' model=random_forest max_depth=none bootstrap=yes '
            'hidden=64,32 task=regression split="time:sold on" test=0.25 folds=5 include="a,b c" exclude=d name="x y" '
            "limit=90s on=head",
        ),
        (
            TrainSpec(data=PathData(path="a.csv"), target="y", split=GroupSplit(column="id"), budget=60),
            "/train a.csv y model=auto split=group:id test=0.25 budget=1m limit=10m on=head",
        ),
        (PredictSpec(data=PathData(path="a.csv"), model_id="model1"), "/predict model1 limit=5m a.csv"),
        (
            PredictSpec(data=RowsData(rows=({"age": "41"}, {"age": "2"})), model_id="model1"),
            "/predict model1 limit=5m age=41\nage=2",
        ),
        (ProfileSpec(data=PathData(path="a.csv"), target="y"), "/data a.csv y on=head"),
        (ExportSpec(model_id="model1", form="onnx"), "/models export model1 onnx"),
    ],
)  # fmt: skip
async def test_a_job_is_shown_as_the_line_that_would_be_typed(tmp_path: Path, spec: Spec, line: str) -> None:
    async with terminal(tmp_path) as chat:
        job = await chat.head.submit(chat.person_id, ProfileSpec(data=PathData(path="x")), HEAD, request="1")
        job = chat.head.set_job(job.id, spec=spec)
        assert typed(job) == line


async def test_the_line_makes_the_same_job(tmp_path: Path) -> None:
    line = '/train ~/churn.csv churned model=random_forest split="time:months" folds=3 exclude=age max_depth=3'
    async with terminal(tmp_path) as chat:
        await _started(chat, line)
        first = chat.job()
        await _started(chat, typed(first))
        assert chat.job().id != first.id
        assert chat.job().spec == first.spec


async def test_a_network_shows_its_losses_while_it_runs(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        job_id = await _started(chat, NETWORK)
        chat.run_job()
        await chat.types("/jobs")
        await chat.types("#1")
        assert chat.labels() == ["Cancel", "Details", "Loss curve", "Dashboard"]
        assert "Not enough epochs are done yet" in await chat.press("Loss curve")
        chat.head.tell(job_id, *_epochs(20))
        printed = await chat.press("Loss curve")
        assert "churn.csv → churned: epoch 20, loss 0.6" in printed
        (path,) = [line for line in printed.splitlines() if line.endswith("losses.png")]
        assert (tmp_path / Path(path)).read_bytes().startswith(b"\x89PNG")


async def test_what_is_no_network_has_no_losses_to_show(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        await _started(chat)
        chat.run_job()
        await chat.types("/jobs")
        await chat.types("#1")
        assert "Loss curve" not in chat.labels()


async def test_all_epochs_are_drawn_also_of_a_talkative_network(tmp_path: Path) -> None:
    async with terminal(tmp_path) as chat:
        job_id = await _started(chat, NETWORK)
        chat.run_job()
        chat.head.tell(job_id, *_epochs(2300))
        await chat.types("/jobs")
        await chat.types("#1")
        assert "epoch 2,300" in await chat.press("Loss curve")


def test_losses_are_those_of_the_newest_network_and_of_numbers_that_can_be_drawn() -> None:
    events = [
        *_epochs(3),
        Progress(n=50, at=0, step="judging", metrics={"loss": 9.0}),
        *_epochs(2, first=51, held=None),
        Progress(n=60, at=0, step="pass 3 of at most 9", metrics={"loss": 1e200}),
        Progress(n=61, at=0, step="fold 2 of 3: epoch 4 of at most 9", metrics={"loss": 0.1, "val_loss": 1e300}),
        Progress(n=62, at=0, step="epoch of"),
    ]
    found = loss_curve.losses(events)
    assert [(it.epoch, it.learned, it.held) for it in found] == [(1, 1.0, None), (2, 0.5, None), (4, 0.1, None)]
    with speaking("pt"):
        assert loss_curve.picture(found).startswith(b"\x89PNG")
