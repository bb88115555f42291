"""Machines: known by their keys, named and numbered in their pool."""

from __future__ import annotations

from datetime import timedelta

import pytest

from head.api import Person, Rest
from head.clock import ManualClock
from head.errors import RefusedError
from head.store import Store
from tests.support.stored import join


async def test_the_same_key_again_is_the_same_machine(store: Store, clock: ManualClock, ann: Person) -> None:
    first = await join(store, ann, clock)
    again = await join(store, ann, clock)
    assert (first.already, again.already) == (False, True)
    assert again.machine.id == first.machine.id
    assert len(await store.machines.of_person(ann.id)) == 1


async def test_a_revoked_machine_stays_out_and_its_address_is_not_given_again(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    first = (await join(store, ann, clock)).machine
    revoked = await store.machines.revoke(ann.id, first.id)
    assert revoked.revoked == clock.now()
    await store.machines.connected(first.id)
    found = await store.machines.find(first.id)
    assert found is not None
    assert found.connected_since is None
    again = await join(store, ann, clock)
    assert (again.already, again.machine.id == first.id) == (False, False)
    assert (first.address, again.machine.address) == ("127.77.1.1", "127.77.1.2")
    assert await store.machines.of_person(ann.id) == [again.machine]
    assert len(await store.machines.of_person(ann.id, revoked=True)) == 2


async def test_names_and_addresses_are_unique_in_a_pool_and_free_in_the_next(
    store: Store, clock: ManualClock, ann: Person, bob: Person
) -> None:
    mine = [(await join(store, ann, clock, key=f"k{n}")).machine for n in range(3)]
    assert [machine.name for machine in mine] == ["laptop", "laptop-2", "laptop-3"]
    assert len({machine.address for machine in mine}) == 3
    his = (await join(store, bob, clock, key="k0")).machine
    assert (his.name, his.address) == ("laptop", "127.77.1.1")
    assert his.pool_id != mine[0].pool_id


async def test_what_is_known_of_a_machine(store: Store, clock: ManualClock, ann: Person) -> None:
    machine = (await join(store, ann, clock)).machine
    assert (machine.facts, machine.last_seen, machine.connected_since) == ({"cores": 8}, None, None)
    await store.machines.connected(machine.id)
    clock.advance(5)
    await store.machines.saw(machine.id, facts={"cores": 4})
    machine = await store.machines.get(ann.id, machine.id)
    assert (machine.facts, machine.last_seen) == ({"cores": 4}, clock.now())
    assert machine.connected_since == clock.now() - timedelta(seconds=5)
    await store.machines.forget_connections()
    assert (await store.machines.get(ann.id, machine.id)).connected_since is None


async def test_a_machine_takes_a_name_that_no_other_bears(store: Store, clock: ManualClock, ann: Person) -> None:
    first, second = [(await join(store, ann, clock, key=f"k{n}")).machine for n in range(2)]
    with pytest.raises(RefusedError, match="Another machine"):
        await store.machines.rename(ann.id, second.id, "LAPTOP")
    await store.machines.rename(ann.id, second.id, "desk")
    await store.machines.rename(ann.id, second.id, "Desk")
    assert (await store.machines.get(ann.id, second.id)).name == "Desk"
    await store.machines.revoke(ann.id, first.id)
    await store.machines.rename(ann.id, second.id, "laptop")


async def test_what_leaves_is_listed_until_it_is_revoked(store: Store, clock: ManualClock, ann: Person) -> None:
    machine = (await join(store, ann, clock)).machine
    assert await store.machines.leaving() == []
    left = await store.machines.set_rest(ann.id, machine.id, Rest.LEAVING)
    assert await store.machines.leaving() == [left]
    await store.machines.revoke(ann.id, machine.id)
    assert await store.machines.leaving() == []
