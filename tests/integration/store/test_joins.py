"""Join tokens: single use, told apart, races."""

from __future__ import annotations

import asyncio

import pytest

from head.api import Person
from head.clock import ManualClock
from head.errors import JoinRefused
from head.identity import new_token
from head.store import Redeemed, Store
from tests.support.stored import offer, redeem


async def test_of_two_who_redeem_one_token_at_once_one_wins(
    store: Store, url: str, clock: ManualClock, ann: Person
) -> None:
    token, offer_id = await offer(store, ann, clock)
    # Four processes' worth: each store has connections and a lock of its own.
    others = [await Store.open(url, clock) for _ in range(3)]
    tries = [redeem(one, token, f"key {n}") for n, one in enumerate([store, *others, store])]
    results = await asyncio.gather(*tries, return_exceptions=True)
    for one in others:
        await one.close()
    won = [result for result in results if isinstance(result, Redeemed)]
    assert len(won) == 1
    assert [type(result) for result in results if result is not won[0]] == [JoinRefused] * 4
    assert [machine.id for machine in await store.machines.of_person(ann.id)] == [won[0].machine.id]
    state = await store.joins.state(ann.id, offer_id)
    assert (state.used_at, state.machine_id) == (clock.now(), won[0].machine.id)


async def test_used_expired_and_invented_tokens_are_told_apart(store: Store, clock: ManualClock, ann: Person) -> None:
    used, _ = await offer(store, ann, clock)
    await redeem(store, used, "a")
    with pytest.raises(JoinRefused, match="used before"):
        await redeem(store, used, "b")
    late, _ = await offer(store, ann, clock)
    clock.advance(300)
    with pytest.raises(JoinRefused, match="expired"):
        await redeem(store, late, "c")
    with pytest.raises(JoinRefused, match="not one of ours"):
        await redeem(store, new_token(), "d")
