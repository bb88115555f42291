"""Who lets a further machine in, and what a revoked machine still knows."""

from __future__ import annotations

import pytest

from head.api import Person
from head.changes import Changes
from head.clock import ManualClock
from head.errors import RefusedError
from head.identity import admission_code
from head.store import Store
from head.wishes import Wishes
from tests.support.stored import join


async def nobody(person_id: str, machine_id: str) -> None:
    raise AssertionError("nobody is to be revoked here")


@pytest.fixture
def wishes(store: Store) -> Wishes:
    return Wishes(store=store, changes=Changes(), revoke=nobody)


async def test_the_first_machine_is_in_and_lets_the_next_in(
    store: Store, clock: ManualClock, ann: Person, bob: Person, wishes: Wishes
) -> None:
    first, second = [(await join(store, ann, clock, key=key)).machine for key in ("a2V51A==", "a2V52A==")]
    assert first.admitted
    assert second.admitted is None
    code = admission_code(second.public_key)
    stranger = (await join(store, bob, clock, key="a2V53A==")).machine
    with pytest.raises(RefusedError, match="No machine waits"):
        await wishes.do(stranger.id, f"admit {code}")  # another person's pool
    assert "laptop-2 is admitted" in await wishes.do(first.id, f"admit {code.lower()}")
    assert (await store.machines.get(ann.id, second.id)).admitted == clock.now()
    with pytest.raises(RefusedError, match="No machine waits"):
        await wishes.do(first.id, f"admit {code}")


async def test_a_revoked_machine_is_not_let_in(store: Store, clock: ManualClock, ann: Person, wishes: Wishes) -> None:
    first, second = [(await join(store, ann, clock, key=key)).machine for key in ("a2V51A==", "a2V52A==")]
    await store.machines.revoke(ann.id, second.id)
    with pytest.raises(RefusedError, match="No machine waits"):
        await wishes.do(first.id, f"admit {admission_code(second.public_key)}")


async def test_its_owner_may_leave_that_to_the_chat(
    store: Store, clock: ManualClock, ann: Person, wishes: Wishes
) -> None:
    first = (await join(store, ann, clock, key="a2V51A==")).machine
    assert "whoever has your chat" in await wishes.do(first.id, "admit-by chat")
    assert (await join(store, ann, clock, key="a2V52A==")).machine.admitted
    await wishes.do(first.id, "admit-by machine")
    assert (await join(store, ann, clock, key="a2V53A==")).machine.admitted is None
    with pytest.raises(RefusedError, match="does not know that wish"):
        await wishes.do(first.id, "admit-by nobody")


async def test_the_next_machine_of_an_empty_pool_needs_nobody(store: Store, clock: ManualClock, ann: Person) -> None:
    first = (await join(store, ann, clock, key="a2V51A==")).machine
    await store.machines.revoke(ann.id, first.id)
    second = (await join(store, ann, clock, key="a2V52A==")).machine
    third = (await join(store, ann, clock, key="a2V53A==")).machine
    # What the pool held is still there: a stolen chat must not come to it by revoking all machines and joining one.
    assert (await store.machines.admit_if_alone(second.id)).admitted is None  # type: ignore[union-attr]
    (stale,) = await store.pools.stale()
    await store.pools.renewed(stale)
    assert (await store.machines.admit_if_alone(second.id)).admitted  # type: ignore[union-attr]
    assert (await store.machines.admit_if_alone(third.id)).admitted is None  # type: ignore[union-attr]
    assert await store.machines.admit_if_alone("nobody0001") is None


async def test_a_token_that_a_revoked_machine_knows_is_stale_until_it_was_renewed(
    store: Store, clock: ManualClock, ann: Person
) -> None:
    machines = [(await join(store, ann, clock, key=key)).machine for key in ("a2V51A==", "a2V52A==", "a2V53A==")]
    assert await store.pools.stale() == []
    await store.machines.admit(machines[1].id)
    for machine in machines[1:]:  # the third was never admitted, and knows nothing
        await store.machines.revoke(ann.id, machine.id)
    (stale,) = await store.pools.stale()
    await store.machines.revoke(ann.id, machines[0].id)  # while the token is being renewed
    await store.pools.renewed(stale)
    (stale,) = await store.pools.stale()
    await store.pools.renewed(stale)
    assert await store.pools.stale() == []
