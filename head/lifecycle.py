"""What may happen to a job, without any I/O: states in, states out.

    QUEUED ──> DISPATCHED ──> RUNNING ──> COMPLETED | FAILED | CANCELLED | TIMED_OUT
                   │  ^          │  ^
                   v  │          v  │
                 UNREACHABLE (goes on without us; it ends like any other)

The end reason is the fact; the status follows from it by a total map. `target` is what the person wants (run, or
cancel); the reconcile loop moves the status toward it. Every function returns a new `JobState`, or raises
`InvalidTransition`, which is a bug of ours (or a lie of a box) and prints the job's story.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from head.api import EndReason, JobStatus, Moment
from ray_jobs.spec import (
    Accepted,
    Cancelled,
    Completed,
    Event,
    Failed,
    Problem,
    ProblemCode,
    Progress,
    Result,
    Started,
    TimedOut,
)

#: Flapping must not make a story grow without end: the newest entries stay.
STORY_LIMIT = 50
_STORY_TIME = "%Y-%m-%d %H:%M:%S"
_STORY_LINE = re.compile(rf"(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d) \w+ -> ({'|'.join(JobStatus)}): ", re.ASCII)


class Target(StrEnum):
    """Where the reconcile loop drives a job."""

    RUN = "run"  #: to its end
    CANCEL = "cancel"  #: stopped on the machine, then CANCELLED


_OPEN_ENDS = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT})

TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    # Nothing was started yet, so it can neither complete nor time out.
    JobStatus.QUEUED: frozenset({JobStatus.DISPATCHED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.DISPATCHED: frozenset({JobStatus.RUNNING, JobStatus.UNREACHABLE}) | _OPEN_ENDS,
    JobStatus.RUNNING: frozenset({JobStatus.UNREACHABLE}) | _OPEN_ENDS,
    JobStatus.UNREACHABLE: frozenset({JobStatus.DISPATCHED, JobStatus.RUNNING}) | _OPEN_ENDS,
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
    JobStatus.TIMED_OUT: frozenset(),
}

STATUS_OF_REASON: Mapping[EndReason, JobStatus] = {
    EndReason.DONE: JobStatus.COMPLETED,
    EndReason.REFUSED: JobStatus.FAILED,
    EndReason.CRASHED: JobStatus.FAILED,
    EndReason.OUT_OF_MEMORY: JobStatus.FAILED,
    EndReason.INTERRUPTED: JobStatus.FAILED,
    EndReason.CANCELLED: JobStatus.CANCELLED,
    EndReason.TIMED_OUT: JobStatus.TIMED_OUT,
    EndReason.REVOKED: JobStatus.FAILED,
}

REASON_OF_PROBLEM: Mapping[ProblemCode, EndReason] = {
    ProblemCode.FILE_MISSING: EndReason.REFUSED,
    ProblemCode.FILE_IS_FOLDER: EndReason.REFUSED,
    ProblemCode.FILE_NOT_REGULAR: EndReason.REFUSED,
    ProblemCode.FILE_EMPTY: EndReason.REFUSED,
    ProblemCode.FILE_TOO_LARGE: EndReason.REFUSED,
    ProblemCode.FILE_UNREADABLE: EndReason.REFUSED,
    ProblemCode.NO_ROWS: EndReason.REFUSED,
    ProblemCode.NOT_THIS_FORMAT: EndReason.REFUSED,
    ProblemCode.UNKNOWN_FORMAT: EndReason.REFUSED,
    ProblemCode.OUTSIDE_ALLOWED: EndReason.REFUSED,
    ProblemCode.FILES_DIFFER: EndReason.REFUSED,
    ProblemCode.SHEET_MISSING: EndReason.REFUSED,
    ProblemCode.TARGET_MISSING: EndReason.REFUSED,
    ProblemCode.TARGET_CONSTANT: EndReason.REFUSED,
    ProblemCode.TARGET_EMPTY: EndReason.REFUSED,
    ProblemCode.NO_FEATURES: EndReason.REFUSED,
    ProblemCode.TOO_FEW_ROWS: EndReason.REFUSED,
    ProblemCode.TOO_MANY_CLASSES: EndReason.REFUSED,
    ProblemCode.COLUMN_MISSING: EndReason.REFUSED,
    ProblemCode.COLUMN_TYPE: EndReason.REFUSED,
    ProblemCode.BAD_SPLIT: EndReason.REFUSED,
    ProblemCode.UNKNOWN_MODEL: EndReason.REFUSED,
    ProblemCode.MODEL_NOT_FOR_TASK: EndReason.REFUSED,
    ProblemCode.BAD_PARAMETER: EndReason.REFUSED,
    ProblemCode.MODEL_NOT_FOUND: EndReason.REFUSED,
    ProblemCode.MODEL_DAMAGED: EndReason.REFUSED,
    ProblemCode.NO_EXPORT: EndReason.REFUSED,
    ProblemCode.TENSORFLOW_MISSING: EndReason.REFUSED,
    ProblemCode.LIBRARY_MISSING: EndReason.REFUSED,
    ProblemCode.NO_SPACE: EndReason.REFUSED,
    ProblemCode.OUT_OF_MEMORY: EndReason.OUT_OF_MEMORY,
    ProblemCode.NOT_LEARNED: EndReason.REFUSED,
    ProblemCode.UPLOAD_MISSING: EndReason.REFUSED,
    ProblemCode.CRASHED: EndReason.CRASHED,
    ProblemCode.INTERRUPTED: EndReason.INTERRUPTED,
}


@dataclass(frozen=True, kw_only=True)
class JobState:
    """The part of a job that changes; the store keeps it and bumps the revision with each new one."""

    created: datetime
    status: JobStatus = JobStatus.QUEUED
    target: Target = Target.RUN
    end_reason: EndReason | None = None
    problem: Problem | None = None
    result: Result | None = None
    progress: Progress | None = None  #: the newest
    node_ip: str | None = None
    sealed: bool | None = None
    started: datetime | None = None
    ended: datetime | None = None
    last_event: int = 0  #: n of the newest event taken in; ask the agent for what came since
    story: tuple[str, ...] = ()  #: the newest changes of status, one line each


class InvalidTransition(Exception):
    """A change of status that the table does not know. The text tells the job's story."""

    def __init__(self, state: JobState, attempt: str) -> None:
        told = "\n".join(f"    {line}" for line in state.story) or "    (nothing yet)"
        super().__init__(f"{attempt} is not possible for a job that is {state.status}; its story:\n{told}")
        self.state = state
        self.attempt = attempt


def dispatched(state: JobState, *, now: datetime) -> JobState:
    """The machine's agent has taken the job (also: it answered again, before the task had started)."""
    return _move(state, JobStatus.DISPATCHED, now=now, why="the agent was told")


def unreachable(state: JobState, *, now: datetime) -> JobState:
    """Its machine does not answer; the job may well go on there. Unchanged where that is known already."""
    if state.status is JobStatus.UNREACHABLE:
        return state
    return _move(state, JobStatus.UNREACHABLE, now=now, why="the machine does not answer")


def reachable(state: JobState, *, now: datetime) -> JobState:
    """Its machine answers again. Unchanged where it was never away."""
    if state.status is not JobStatus.UNREACHABLE:
        return state
    back = JobStatus.DISPATCHED if state.started is None else JobStatus.RUNNING
    return _move(state, back, now=now, why="the machine answers again")


def ask_cancel(state: JobState, *, now: datetime) -> JobState:
    """The person wants it stopped. A job that nobody has started ends at once; an ended one stays as it is."""
    if state.status.ended or state.target is Target.CANCEL:
        return state
    state = replace(state, target=Target.CANCEL)
    return end(state, EndReason.CANCELLED, now=now) if state.status is JobStatus.QUEUED else state


def end(state: JobState, reason: EndReason, *, now: datetime, problem: Problem | None = None) -> JobState:
    """Ends the job by a decision of the head's (revoked, cancelled before it started) and not by an event."""
    state = _move(state, STATUS_OF_REASON[reason], now=now, why=str(reason))
    return replace(state, end_reason=reason, problem=problem, ended=now)


def forgotten(state: JobState, *, now: datetime) -> JobState:
    """The agent does not know the job. One that never began may still be started; other work is lost."""
    if state.target is Target.CANCEL:
        return end(state, EndReason.CANCELLED, now=now)
    if state.last_event:
        return end(state, EndReason.INTERRUPTED, now=now)
    return state


def apply(state: JobState, event: Event, *, now: datetime) -> JobState:
    """Takes in one event of the agent's journal. An event that was taken in before changes nothing.

    `now` is our clock: the machine's may be wrong or may lie, so its times are held between the job's creation and now.
    """
    if event.n <= state.last_event:
        return state
    if state.status is JobStatus.QUEUED or state.status.ended:
        raise InvalidTransition(state, f"event {event.n} ({event.kind})")
    at = _believable(event.at, earliest=state.started or state.created, now=now)
    state = replace(reachable(state, now=now), last_event=event.n)
    match event:
        case Accepted():
            return state
        case Started():
            state = _run(state, at=at)
            return replace(state, node_ip=event.node_ip, sealed=event.sealed)
        case Progress():
            return replace(_run(state, at=at), progress=event)
        case Completed():
            return replace(end(state, EndReason.DONE, now=at), result=event.result)
        case Failed():
            return end(state, REASON_OF_PROBLEM[event.problem.code], now=at, problem=event.problem)
        case Cancelled():
            return end(state, EndReason.CANCELLED, now=at)
        case TimedOut():
            return end(state, EndReason.TIMED_OUT, now=at)


def _run(state: JobState, *, at: datetime) -> JobState:
    if state.status is not JobStatus.RUNNING:
        state = _move(state, JobStatus.RUNNING, now=at, why="the task reports")
    return state if state.started else replace(state, started=at)


def _move(state: JobState, status: JobStatus, *, now: datetime, why: str) -> JobState:
    if status not in TRANSITIONS[state.status]:
        raise InvalidTransition(state, f"{state.status} -> {status} ({why})")
    line = f"{now:{_STORY_TIME}} {state.status} -> {status}: {why}"
    return replace(state, status=status, story=(*state.story, line)[-STORY_LIMIT:])


def moments(state: JobState) -> tuple[Moment, ...]:
    """The story for people: when the job came to stand where."""
    told = [found for line in state.story if (found := _STORY_LINE.match(line))]
    changes = [
        Moment(at=datetime.strptime(found[1], _STORY_TIME).replace(tzinfo=UTC), status=JobStatus(found[2]))
        for found in told
    ]
    return (Moment(at=state.created, status=JobStatus.QUEUED), *changes)


def _believable(seconds: float, *, earliest: datetime, now: datetime) -> datetime:
    if seconds >= now.timestamp():
        return now
    return max(earliest, datetime.fromtimestamp(seconds, UTC))
