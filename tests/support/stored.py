"""A store on a real SQLite file, two people, and what tests of the store do with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from head.api import Draft, Person
from head.clock import ManualClock
from head.identity import digest, new_id, new_token
from head.lifecycle import apply, dispatched
from head.store import JobRow, Redeemed, Store
from ray_jobs.spec import Completed, PathData, TrainResult, TrainSpec

CHURN = TrainSpec(data=PathData(path="~/data/churn.csv"), target="churned")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/data/hayride.db"


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncIterator[Store]:
    async with await Store.open(url, clock) as opened:
        yield opened


@pytest.fixture
async def ann(store: Store) -> Person:
    return await store.people.for_telegram(1, "Ann", admin=True)


@pytest.fixture
async def bob(store: Store) -> Person:
    return await store.people.for_telegram(2, "Bob")


async def offer(store: Store, person: Person, clock: ManualClock) -> tuple[str, str]:
    token, offer_id = new_token(), new_id()
    expires = clock.now() + timedelta(seconds=300)
    await store.joins.create(offer_id=offer_id, person_id=person.id, token_hash=digest(token), expires=expires)
    return token, offer_id


async def redeem(store: Store, token: str, key: str, name: str = "laptop") -> Redeemed:
    return await store.joins.redeem(token_hash=digest(token), public_key=key, name=name, facts={"cores": 8})


async def join(store: Store, person: Person, clock: ManualClock, key: str = "key", name: str = "laptop") -> Redeemed:
    token, _ = await offer(store, person, clock)
    return await redeem(store, token, key, name)


async def add(store: Store, person: Person, request: str = "r", *, limit: int = 20) -> JobRow:
    return await store.jobs.add(person_id=person.id, spec=CHURN, place="head", request=request, queued_limit=limit)


def trained(model_id: str, name: str = "", version: int = 1) -> TrainResult:
    return TrainResult(
        model_id=model_id,
        name=name,
        version=version,
        model="hist_gradient_boosting",
        task="classification",
        target="churned",
        rows_train=75,
        rows_test=25,
        metrics={"accuracy": 0.9},
        baseline_metrics={"accuracy": 0.5},
        features=("age",),
        train_seconds=1.5,
    )


async def finish(
    store: Store, job: JobRow, clock: ManualClock, model_id: str, name: str = "", version: int = 1
) -> JobRow:
    state = dispatched(job.state, now=clock.now())
    done = Completed(n=1, at=clock.now().timestamp(), result=trained(model_id, name, version))
    return await store.jobs.advance(job, apply(state, done, now=clock.now()), events=[done])


def draft(**changes: object) -> Draft:
    fields: dict[str, object] = {"path": "~/a.csv", "rows": 3}
    values = {
        "id": "draft1",
        "chat_id": "7",
        "kind": "train",
        "fields": fields,
        "asking": "",
        "revision": 1,
        "paused": False,
    }
    return Draft(**{**values, **changes})  # type: ignore[arg-type]
