"""What the chat keeps: drafts, cards, links, uploads."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from head.api import Person
from head.clock import ManualClock
from head.store import Store
from tests.support.stored import draft


async def test_drafts(store: Store, clock: ManualClock, ann: Person) -> None:
    first = await store.drafts.save(ann.id, draft())
    clock.advance(1)
    second = await store.drafts.save(ann.id, draft(id="draft2", asking="target"))
    assert await store.drafts.active(ann.id, "7") == second
    paused = await store.drafts.save(ann.id, draft(id="draft2", paused=True, revision=2))
    assert await store.drafts.active(ann.id, "7") == first
    assert await store.drafts.get(ann.id, "draft2") == paused
    assert await store.drafts.active(ann.id, "8") is None
    await store.drafts.drop(ann.id, first.id)
    assert await store.drafts.active(ann.id, "7") is None


async def test_a_card_shows_a_subject_once_in_each_chat(store: Store, ann: Person) -> None:
    await store.cards.save(ann.id, chat_id="7", subject="job:1", message_id=10)
    await store.cards.save(ann.id, chat_id="7", subject="job:1", message_id=11)
    await store.cards.save(ann.id, chat_id="8", subject="job:1", message_id=12)
    assert sorted(await store.cards.showing("job:1")) == [("7", 11), ("8", 12)]


async def test_a_dashboard_link_opens_once_and_in_time(store: Store, clock: ManualClock, ann: Person) -> None:
    soon = clock.now() + timedelta(minutes=1)
    await store.links.create(ann.id, secret_hash="link", expires=soon)
    await store.links.create(ann.id, secret_hash="late", expires=soon)
    opened = await asyncio.gather(*(store.links.open("link") for _ in range(2)))
    assert sorted(opened, key=str) == sorted([ann.id, None], key=str)
    clock.advance(60)
    assert await store.links.open("late") is None
    assert await store.links.open("invented") is None


async def test_uploads_are_found_by_name_the_newest_first(store: Store, clock: ManualClock, ann: Person) -> None:
    for upload_id in ("up01", "up02"):
        await store.uploads.add(upload_id=upload_id, person_id=ann.id, name="a.csv", size=3, place="head")
        clock.advance(1)
    found = await store.uploads.newest(ann.id, "a.csv")
    assert found is not None
    assert found.id == "up02"
    assert await store.uploads.newest(ann.id, "b.csv") is None
