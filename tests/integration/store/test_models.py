"""Trained models: whose they are, and what they are called."""

from __future__ import annotations

from head.api import JobStatus, Person
from head.clock import ManualClock
from head.store import Store
from tests.support.stored import add, finish


async def test_a_model_id_that_a_machine_gives_twice_changes_nothing(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    first = await finish(store, await add(store, ann, "1"), clock, "model00001")
    again = await finish(store, await add(store, ann, "2"), clock, "model00001")
    other = await finish(store, await add(store, ann, "3"), clock, "model00002")
    his = await finish(store, await add(store, bob), clock, "model00001")
    assert again.state.status is JobStatus.COMPLETED
    assert (await store.models.get(ann.id, "model00001")).job_id == first.id
    assert (await store.models.get(bob.id, "model00001")).job_id == his.id
    second = await store.models.get(ann.id, "model00002")
    assert (second.job_id, second.name) == (other.id, "churned-hist_gradient_boosting-2")
