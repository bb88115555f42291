"""People, their pools, and that nobody finds what is another person's."""

from __future__ import annotations

import asyncio

import pytest

from head.api import Person
from head.clock import ManualClock
from head.errors import NotFoundError, RefusedError
from head.identity import resource_tag
from head.store import Store
from tests.support.stored import add, draft, finish, join, offer


async def test_a_stranger_is_not_admitted_until_an_admin_says_so(store: Store, ann: Person, bob: Person) -> None:
    assert (ann.admin, ann.admitted, bob.admin, bob.admitted) == (True, True, False, False)
    with pytest.raises(RefusedError, match="Only an admin"):
        await store.people.admit(bob.id, bob.id, True)
    assert (await store.people.admit(ann.id, bob.id, True)).admitted
    assert (await store.people.for_telegram(2, "Robert")).admitted
    assert (await store.people.get(bob.id)).name == "Robert"


async def test_admins_follow_the_settings(store: Store, ann: Person, bob: Person) -> None:
    local = await store.people.local()
    await store.people.set_admins([2])
    assert {person.id for person in await store.people.admins()} == {bob.id, local.id}
    assert (await store.people.get(bob.id)).admitted


async def test_a_pool_is_made_when_asked_for_and_its_secrets_are_not_shown(store: Store, ann: Person) -> None:
    assert await store.pools.find(ann.id) is None
    one, other = await asyncio.gather(store.pools.for_person(ann.id), store.pools.for_person(ann.id))
    assert one == other == await store.pools.by_id(one.id)
    assert one.tag == resource_tag(one.user_token)
    assert one.user_token not in repr(one)
    assert one.ray_token not in repr(one)
    fresh = await store.pools.rotate(ann.id, tag=False)
    assert (fresh.tag, fresh.user_token) == (one.tag, one.user_token)
    assert fresh.ray_token != one.ray_token
    rotated = await store.pools.rotate(ann.id, tag=True)
    assert rotated.id == one.id
    assert not {rotated.tag, rotated.user_token, rotated.ray_token} & {one.tag, one.user_token, one.ray_token}


async def test_nobody_finds_what_is_another_persons(store: Store, clock: ManualClock, ann: Person, bob: Person) -> None:
    machine = (await join(store, ann, clock)).machine
    _, offer_id = await offer(store, ann, clock)
    job = await finish(store, await add(store, ann), clock, "model00001")
    await store.uploads.add(upload_id="up01", person_id=ann.id, name="a.csv", size=3, place="head")
    await store.drafts.save(ann.id, draft())
    for attempt in (
        store.machines.get(bob.id, machine.id),
        store.machines.revoke(bob.id, machine.id),
        store.joins.state(bob.id, offer_id),
        store.jobs.get(bob.id, job.id),
        store.jobs.events(bob.id, job.id),
        store.models.get(bob.id, "model00001"),
        store.uploads.get(bob.id, "up01"),
        store.drafts.get(bob.id, "draft1"),
        store.drafts.save(bob.id, draft(asking="mine now")),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    await store.drafts.drop(bob.id, "draft1")
    assert await store.drafts.get(ann.id, "draft1") == draft()
    assert await store.machines.of_person(bob.id) == []
    assert await store.jobs.of_person(bob.id) == []
    assert await store.models.of_person(bob.id) == []
    assert await store.uploads.newest(bob.id, "a.csv") is None
    assert await store.drafts.active(bob.id, "7") is None
    assert (await store.machines.get(ann.id, machine.id)).revoked is None
