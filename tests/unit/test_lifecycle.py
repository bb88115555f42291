"""What may happen to a job: the maps are total, the table holds, and an impossible change tells the story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from head.api import EndReason, JobStatus
from head.lifecycle import (
    REASON_OF_PROBLEM,
    STATUS_OF_REASON,
    STORY_LIMIT,
    TRANSITIONS,
    InvalidTransition,
    JobState,
    Target,
    apply,
    ask_cancel,
    dispatched,
    end,
    moments,
    reachable,
    unreachable,
)
from ray_jobs.spec import (
    Accepted,
    Cancelled,
    Completed,
    Event,
    Failed,
    PredictResult,
    Problem,
    ProblemCode,
    Progress,
    Started,
    TimedOut,
)

CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = CREATED + timedelta(minutes=5)
AT = (CREATED + timedelta(minutes=1)).timestamp()
RESULT = PredictResult(model_id="abcd1234", path="/p.csv", file="p.csv", rows=3, predict_seconds=0.1)

QUEUED = JobState(created=CREATED)
DISPATCHED = dispatched(QUEUED, now=NOW)
RUNNING = apply(DISPATCHED, Started(n=1, at=AT, node_ip="127.77.1.1", sealed=True), now=NOW)


def ending(n: int, kind: JobStatus) -> Event:
    match kind:
        case JobStatus.COMPLETED:
            return Completed(n=n, at=AT, result=RESULT)
        case JobStatus.FAILED:
            return Failed(n=n, at=AT, problem=Problem(code=ProblemCode.NO_ROWS, message="No rows."))
        case JobStatus.CANCELLED:
            return Cancelled(n=n, at=AT)
        case _:
            return TimedOut(n=n, at=AT, limit=600)


def test_the_maps_are_total() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert set(STATUS_OF_REASON) == set(EndReason)
    assert set(REASON_OF_PROBLEM) == set(ProblemCode)


def test_reasons_lead_to_ends_and_ends_lead_nowhere() -> None:
    ends = {status for status in JobStatus if status.ended}
    assert set(STATUS_OF_REASON.values()) == ends
    assert {status for status, onward in TRANSITIONS.items() if not onward} == ends


def test_the_plain_way() -> None:
    job = apply(DISPATCHED, Accepted(n=1, at=AT), now=NOW)
    assert job.status is JobStatus.DISPATCHED
    job = apply(job, Started(n=2, at=AT, node_ip="127.77.1.1", sealed=True), now=NOW)
    assert (job.status, job.node_ip, job.sealed) == (JobStatus.RUNNING, "127.77.1.1", True)
    step = Progress(n=3, at=AT + 1, step="epoch 1 of 5", fraction=0.2)
    job = apply(job, step, now=NOW)
    assert job.progress == step
    job = apply(job, Completed(n=4, at=AT + 9, result=RESULT), now=NOW)
    assert (job.status, job.end_reason, job.result, job.last_event) == (JobStatus.COMPLETED, EndReason.DONE, RESULT, 4)
    assert job.started is not None
    assert job.ended is not None
    assert job.ended - job.started == timedelta(seconds=9)


@pytest.mark.parametrize("kind", [status for status in JobStatus if status.ended])
@pytest.mark.parametrize(
    "before", [DISPATCHED, RUNNING, unreachable(RUNNING, now=NOW), unreachable(DISPATCHED, now=NOW)]
)
def test_every_open_job_that_was_started_can_end_in_every_way(before: JobState, kind: JobStatus) -> None:
    job = apply(before, ending(9, kind), now=NOW)
    assert job.status is kind
    assert job.end_reason is not None
    assert STATUS_OF_REASON[job.end_reason] is kind
    assert job.ended == CREATED + timedelta(minutes=1)


@pytest.mark.parametrize("code", list(ProblemCode))
def test_a_problem_is_kept_with_the_reason_that_follows_from_it(code: ProblemCode) -> None:
    problem = Problem(code=code, message="So it is.")
    job = apply(RUNNING, Failed(n=2, at=AT, problem=problem), now=NOW)
    assert (job.status, job.end_reason, job.problem) == (JobStatus.FAILED, REASON_OF_PROBLEM[code], problem)


def test_unreachable_is_not_dead() -> None:
    away = unreachable(RUNNING, now=NOW)
    assert away.status is JobStatus.UNREACHABLE
    assert unreachable(away, now=NOW) is away
    assert reachable(away, now=NOW).status is JobStatus.RUNNING
    assert reachable(RUNNING, now=NOW) is RUNNING
    assert reachable(unreachable(DISPATCHED, now=NOW), now=NOW).status is JobStatus.DISPATCHED
    heard = apply(away, Progress(n=2, at=AT, step="on"), now=NOW)
    assert heard.status is JobStatus.RUNNING


def test_an_event_that_comes_twice_counts_once() -> None:
    first = Progress(n=2, at=AT, step="one")
    job = apply(RUNNING, first, now=NOW)
    assert apply(job, first, now=NOW) is job
    done = apply(job, ending(3, JobStatus.COMPLETED), now=NOW)
    assert apply(done, ending(3, JobStatus.COMPLETED), now=NOW) is done


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: dispatched(RUNNING, now=NOW), "running -> dispatched"),
        (lambda: unreachable(QUEUED, now=NOW), "queued -> unreachable"),
        (lambda: end(QUEUED, EndReason.DONE, now=NOW), "queued -> completed"),
        (lambda: end(end(RUNNING, EndReason.REVOKED, now=NOW), EndReason.DONE, now=NOW), "failed -> completed"),
        (lambda: apply(QUEUED, Accepted(n=1, at=AT), now=NOW), "event 1 (accepted)"),
        (lambda: apply(end(RUNNING, EndReason.DONE, now=NOW), Cancelled(n=7, at=AT), now=NOW), "event 7 (cancelled)"),
    ],
)
def test_an_impossible_change_is_refused(change: Callable[[], JobState], said: str) -> None:
    with pytest.raises(InvalidTransition) as caught:
        change()
    assert said in str(caught.value)


def test_a_refusal_tells_the_story() -> None:
    with pytest.raises(InvalidTransition) as caught:
        dispatched(unreachable(RUNNING, now=NOW), now=NOW) and dispatched(RUNNING, now=NOW)
    told = str(caught.value)
    assert told.index("queued -> dispatched: the agent was told") < told.index("dispatched -> running")


def test_cancelling() -> None:
    waiting = ask_cancel(QUEUED, now=NOW)
    assert (waiting.status, waiting.end_reason) == (JobStatus.CANCELLED, EndReason.CANCELLED)
    asked = ask_cancel(RUNNING, now=NOW)
    assert (asked.status, asked.target) == (JobStatus.RUNNING, Target.CANCEL)
    assert ask_cancel(asked, now=NOW) is asked
    assert apply(asked, Cancelled(n=2, at=AT), now=NOW).status is JobStatus.CANCELLED
    # It was done before the cancel arrived: what happened is told, not what was wished.
    assert apply(asked, ending(2, JobStatus.COMPLETED), now=NOW).status is JobStatus.COMPLETED
    done = apply(RUNNING, ending(2, JobStatus.COMPLETED), now=NOW)
    assert ask_cancel(done, now=NOW) is done


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False), st.floats(min_value=0, max_value=1e308))
def test_a_machine_with_a_wrong_clock_cannot_end_before_it_began(started: float, ended: float) -> None:
    job = apply(DISPATCHED, Started(n=1, at=started, node_ip="127.77.1.1", sealed=True), now=NOW)
    job = apply(job, Completed(n=2, at=ended, result=RESULT), now=NOW)
    assert job.started is not None
    assert job.ended is not None
    assert CREATED <= job.started <= job.ended <= NOW


def test_a_story_does_not_grow_without_end() -> None:
    job = RUNNING
    for _ in range(STORY_LIMIT):
        job = reachable(unreachable(job, now=NOW), now=NOW)
    assert len(job.story) == STORY_LIMIT


def test_a_story_is_told_as_moments() -> None:
    away = unreachable(RUNNING, now=NOW)
    told = moments(apply(reachable(away, now=NOW), ending(2, JobStatus.COMPLETED), now=NOW))
    assert [moment.status for moment in told] == [
        JobStatus.QUEUED, JobStatus.DISPATCHED, JobStatus.RUNNING, JobStatus.UNREACHABLE, JobStatus.RUNNING,
        JobStatus.COMPLETED,
    ]  # fmt: skip
    assert told[0].at == CREATED
    assert told[3].at == NOW.replace(microsecond=0)
