"""The control plane's two shapes, for what both have to promise."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from head.api import (
    Draft,
    Event,
    HeadApi,
    JobStatus,
    JobView,
    MachineState,
    NotFoundError,
    PathData,
    TrainSpec,
)
from head.clock import ManualClock
from head.identity import digest, new_id
from head.lifecycle import apply, dispatched
from head.service import ControlPlane
from head.settings import Settings
from tests.support.in_memory_head import InMemoryHead

ADMIN = 1
SPEC = TrainSpec(data=PathData(path="~/churn.csv"), target="churned")

Open = Callable[..., AbstractAsyncContextManager[HeadApi]]


@asynccontextmanager
async def in_memory(folder: Path, clock: ManualClock, *, joining: bool = True) -> AsyncIterator[HeadApi]:
    yield InMemoryHead(clock=clock, joining_enabled=joining, admin_ids=frozenset({ADMIN}))


@asynccontextmanager
async def real(folder: Path, clock: ManualClock, *, joining: bool = True) -> AsyncIterator[HeadApi]:
    """Without its gateway and reconcile loop: no pool is started by what is tested here."""
    plane = await ControlPlane.open(Settings(data_dir=folder, joining=joining, admins=(ADMIN,)), clock)
    try:
        yield plane
    finally:
        await plane.close(stop_pools=False)


async def absent_machine(head: HeadApi, person_id: str) -> str:
    """A machine of the person's that joined and is away."""
    if isinstance(head, InMemoryHead):
        return head.add_machine(person_id, "attic", MachineState.NEVER).id
    assert isinstance(head, ControlPlane)
    joins, token = head.store.joins, new_id()
    expires = head.clock.now() + timedelta(minutes=5)
    await joins.create(offer_id=new_id(), person_id=person_id, token_hash=digest(token), expires=expires)
    key = os.urandom(32).hex()
    return (await joins.redeem(token_hash=digest(token), public_key=key, name="attic", facts={})).machine.id


async def two(head: HeadApi) -> tuple[str, str]:
    return (await head.person_for_telegram(7, "Ann")).id, (await head.person_for_telegram(8, "Bob")).id


async def tell(head: HeadApi, job: JobView, *events: Event) -> None:
    """What the agent of a job's machine sends, and what is stored of it."""
    if isinstance(head, InMemoryHead):
        head.tell(job.id, *events)
        head.set_job(job.id, status=JobStatus.DISPATCHED)
        head.set_job(job.id, status=JobStatus.RUNNING, started=head.clock.now())
        return
    assert isinstance(head, ControlPlane)
    row = await head.store.jobs.get(job.person_id, job.id)
    state = dispatched(row.state, now=head.clock.now())
    for event in events:
        state = apply(state, event, now=head.clock.now())
    await head.store.jobs.advance(row, state, events=events)


async def missing(question: Awaitable[object]) -> None:
    with pytest.raises(NotFoundError):
        await question


def draft_of(id: str, *, chat_id: str = "console", paused: bool = False, revision: int = 1) -> Draft:
    fields: dict[str, object] = {"data": {"kind": "path", "path": "~/ä.csv"}, "facts": None, "parts": [1, 2.5, True]}
    return Draft(id=id, chat_id=chat_id, kind="train", fields=fields, asking="target", revision=revision, paused=paused)
