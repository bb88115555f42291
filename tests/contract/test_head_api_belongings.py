"""What the chat keeps for people, and how they leave: the in-memory control plane and the real one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from head.api import (
    DRAFT_DAYS,
    HEAD,
    Change,
    HeadApi,
    RefusedError,
)
from head.clock import ManualClock
from tests.support.heads import ADMIN, SPEC, draft_of, missing, two

# --- leaving ---


async def test_a_person_who_is_forgotten_loses_everything_and_nobody_else_does(head: HeadApi) -> None:
    boss = (await head.person_for_telegram(ADMIN, "Boss")).id
    ann, bob = await two(head)
    await head.admit(boss, ann, True)
    for who in (ann, bob):
        await head.submit(who, SPEC, HEAD, request="1")
        await head.save_draft(who, draft_of(f"draft{who}"))
        await head.add_template(who, name="weekly", kind="train", fields={})
        await head.save_card(who, chat_id=who, subject="job:abcd", message_id=1)
    await head.prefer(ann, language="pt")
    assert json.loads(await head.export(ann))["person"]["id"] == ann
    for _ in range(2):
        await head.erase(ann)
        assert await head.jobs(ann) == []
        assert await head.templates(ann) == []
        await missing(head.draft(ann, f"draft{ann}"))
    assert await head.cards("job:abcd") == [(bob, 1)]
    assert len(await head.jobs(bob)) == len(await head.templates(bob)) == 1
    stays = await head.person_for_telegram(7, "Ann")
    assert (stays.id, stays.admitted, stays.language) == (ann, True, "")
    await head.erase(bob)  # never admitted: nothing is known of him
    assert (await head.person_for_telegram(8, "Bob")).id != bob


# --- what the chat keeps ---


async def test_a_draft_comes_back_as_it_was_saved(head: HeadApi) -> None:
    ann, _ = await two(head)
    saved = await head.save_draft(ann, draft_of("draft1"))
    assert await head.draft(ann, "draft1") == saved == draft_of("draft1")
    newer = replace(saved, revision=2, asking="", fields={})
    await head.save_draft(ann, newer)
    assert await head.draft(ann, "draft1") == newer
    await head.drop_draft(ann, "draft1")
    await head.drop_draft(ann, "draft1")
    await missing(head.draft(ann, "draft1"))


async def test_the_active_draft_is_the_chats_last_one_that_is_not_paused(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await two(head)
    assert await head.active_draft(ann, "console") is None
    for draft in (
        draft_of("first1"),
        draft_of("second1"),
        draft_of("third1", paused=True),
        draft_of("other1", chat_id="x"),
    ):
        clock.advance(1)
        await head.save_draft(ann, draft)
    assert await head.active_draft(ann, "console") == draft_of("second1")
    assert await head.active_draft(bob, "console") is None
    clock.advance(1)
    await head.save_draft(ann, draft_of("first1", revision=2))
    assert await head.active_draft(ann, "console") == draft_of("first1", revision=2)


async def test_the_last_form_that_ran_is_found_by_its_kind(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await two(head)
    for number, job in enumerate(("job1", "job2", "")):
        clock.advance(1)
        await head.save_draft(ann, replace(draft_of(f"draft{number}"), fields={"job": job}, paused=bool(job)))
    last = await head.last_run(ann, "train")
    assert last is not None
    assert last.fields == {"job": "job2"}
    assert await head.last_run(ann, "predict") is None
    assert await head.last_run(bob, "train") is None


async def test_drafts_expire_when_nobody_touches_them(head: HeadApi, clock: ManualClock) -> None:
    ann, _ = await two(head)
    await head.save_draft(ann, draft_of("draft1"))
    clock.advance(timedelta(days=DRAFT_DAYS).total_seconds())
    await head.save_draft(ann, draft_of("draft2"))
    assert await head.expired_drafts() == []
    clock.advance(1)
    assert await head.expired_drafts() == [(ann, draft_of("draft1"))]
    await head.drop_draft(ann, "draft1")
    assert await head.expired_drafts() == []


async def test_templates_are_kept_by_name(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await two(head)
    fields: dict[str, object] = {"kind": "train", "data": "~/ä.csv", "parts": [1, 2.5, True]}
    first = await head.add_template(ann, name=" churn  weekly ", kind="train", fields=fields)
    assert (first.name, first.kind, first.fields) == ("churn weekly", "train", fields)
    clock.advance(1)
    second = await head.add_template(ann, name="score", kind="predict", fields={})
    assert await head.templates(ann) == [second, first]
    assert await head.templates(ann, limit=1, offset=1) == [first]
    for name in ("Churn Weekly", "", "x" * 41):
        with pytest.raises(RefusedError):
            await head.add_template(ann, name=name, kind="train", fields={})
        with pytest.raises(RefusedError):
            await head.rename_template(ann, second.id, name)
    assert (await head.rename_template(ann, second.id, "Score")).name == "Score"
    await missing(head.template(bob, first.id))
    await missing(head.rename_template(bob, first.id, "mine"))
    await head.drop_template(bob, first.id)
    assert await head.template(ann, first.id) == first
    await head.drop_template(ann, first.id)
    await head.drop_template(ann, first.id)
    await missing(head.template(ann, first.id))
    assert (await head.add_template(bob, name="Score", kind="train", fields={})).name == "Score"


async def test_preferences_stay(head: HeadApi) -> None:
    ann, _ = await two(head)
    before = await head.person_for_telegram(7, "Ann")
    assert (before.language, before.machine_news, before.keep_uploads) == ("", True, False)
    await head.prefer(ann, language="pt", machine_news=False)
    changed = await head.prefer(ann, keep_uploads=True)
    assert (changed.language, changed.machine_news, changed.keep_uploads) == ("pt", False, True)
    assert await head.person_for_telegram(7, "Ann") == await head.person(ann) == changed
    await missing(head.person("nobody1234"))
    with pytest.raises(RefusedError):
        await head.prefer(ann, language="klingon")
    assert (await head.person_for_telegram(8, "Bob")).language == ""
    assert (await head.prefer(ann, language="")).language == ""


async def test_of_each_subject_a_chat_has_one_card_the_newest(head: HeadApi) -> None:
    ann, _ = await two(head)
    for chat_id, message_id in (("telegram:7", 11), ("console", 2), ("telegram:7", 15)):
        await head.save_card(ann, chat_id=chat_id, subject="job:abcd", message_id=message_id)
    assert sorted(await head.cards("job:abcd")) == [("console", 2), ("telegram:7", 15)]
    assert await head.cards("job:efgh") == []


async def test_changes_are_told_from_the_call_on(head: HeadApi) -> None:
    ann, _ = await two(head)
    await head.submit(ann, SPEC, HEAD, request="1")
    changes = head.changes()
    job = await head.submit(ann, SPEC, HEAD, request="2")
    async with asyncio.timeout(10):
        assert await anext(changes) == Change(person_id=ann, job_id=job.id)
