"""Trained models: whose they are, and what they are called."""

from __future__ import annotations

import pytest

from head.api import JobStatus, Person
from head.clock import ManualClock
from head.errors import NotFoundError
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
    assert (second.job_id, second.name, second.version) == (other.id, "churned-hist_gradient_boosting", 2)


async def test_names_and_versions_are_the_machines_where_they_are_free(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    told = [
        ("churn", 1),  # of the laptop
        ("churn", 2),
        ("Churn", 1),  # of the desktop, which counts its own
        (" \u202echurn\x00 ", 2),
        ("spring", 7),
        ("spring", 2**31 - 1),
        ("spring", 2**31 - 1),
        ("", 3),
        ("x" * 200, 1),
    ]
    for number, (name, version) in enumerate(told):
        await finish(store, await add(store, ann, str(number)), clock, f"model{number}", name, version)
        clock.advance(1)
    assert {model.data for model in await store.models.of_person(ann.id, limit=20)} == {"~/data/churn.csv"}
    kept = [(model.name, model.version) for model in reversed(await store.models.of_person(ann.id, limit=20))]
    assert kept == [
        ("churn", 1), ("churn", 2), ("Churn", 3), ("churn", 4), ("spring", 7), ("spring", 2**31 - 1), ("spring", 1),
        ("churned-hist_gradient_boosting", 3), ("x" * 100, 1),
    ]  # fmt: skip


async def test_a_renamed_model_takes_a_free_version_and_a_dropped_one_is_gone(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    for number in (1, 2):
        await finish(store, await add(store, ann, str(number)), clock, f"model{number}", "churn", number)
    renamed = await store.models.rename(ann.id, "model2", "best", 1)
    assert (renamed.name, renamed.version) == ("best", 1)
    assert (await store.models.rename(ann.id, "model1", "BEST", 1)).version == 2
    assert (await store.models.rename(ann.id, "model2", "Best", 1)).version == 1
    for attempt in (store.models.rename(bob.id, "model2", "mine", 1), store.models.drop(bob.id, "model2")):
        with pytest.raises(NotFoundError):
            await attempt
    await store.models.drop(ann.id, "model1")
    assert [model.id for model in await store.models.of_person(ann.id)] == ["model2"]
    with pytest.raises(NotFoundError):
        await store.models.drop(ann.id, "model1")
