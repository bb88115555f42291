"""What every control plane promises the chat. The in-memory one of the tests and the real one pass the same tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from head.api import (
    DRAFT_DAYS,
    HEAD,
    AccessRequest,
    Change,
    DataPlaces,
    Draft,
    ExportSpec,
    HeadApi,
    JobStatus,
    JoinRefused,
    JoinState,
    NotFoundError,
    PathData,
    PredictSpec,
    RefusedError,
    Rest,
    TrainSpec,
)
from head.clock import ManualClock
from head.service import ControlPlane
from head.settings import Settings
from tests.support.in_memory_head import InMemoryHead

ADMIN = 1
SPEC = TrainSpec(data=PathData(path="~/churn.csv"), target="churned")

Open = Callable[..., AbstractAsyncContextManager[HeadApi]]


@asynccontextmanager
async def _in_memory(folder: Path, clock: ManualClock, *, joining: bool = True) -> AsyncIterator[HeadApi]:
    yield InMemoryHead(clock=clock, joining_enabled=joining, admin_ids=frozenset({ADMIN}))


@asynccontextmanager
async def _real(folder: Path, clock: ManualClock, *, joining: bool = True) -> AsyncIterator[HeadApi]:
    """Without its gateway and reconcile loop: no pool is started by what is tested here."""
    plane = await ControlPlane.open(Settings(data_dir=folder, joining=joining, admins=(ADMIN,)), clock)
    try:
        yield plane
    finally:
        await plane.close(stop_pools=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=[_in_memory, _real])
def opened(request: pytest.FixtureRequest) -> Open:
    found: Open = request.param
    return found


@pytest.fixture
async def head(opened: Open, tmp_path: Path, clock: ManualClock) -> AsyncIterator[HeadApi]:
    async with opened(tmp_path, clock) as made:
        yield made


async def _two(head: HeadApi) -> tuple[str, str]:
    return (await head.person_for_telegram(7, "Ann")).id, (await head.person_for_telegram(8, "Bob")).id


async def _missing(question: Awaitable[object]) -> None:
    with pytest.raises(NotFoundError):
        await question


# --- people ---


async def test_a_person_is_the_same_at_every_visit_and_stays_outside_until_admitted(head: HeadApi) -> None:
    first = await head.person_for_telegram(7, "Ann")
    assert not first.admitted
    assert not first.admin
    again = await head.person_for_telegram(7, "Ann Lee")
    assert (again.id, again.name, again.telegram_id) == (first.id, "Ann Lee", 7)


async def test_what_somebodys_telegram_speaks_is_remembered(head: HeadApi) -> None:
    ann = await head.person_for_telegram(7, "Ann", speaks="pt-BR")
    assert (ann.speaks, ann.language) == ("pt-BR", "")
    assert (await head.person_for_telegram(7, "Ann")).speaks == "pt-BR"  # an update without a word of it
    await head.person_for_telegram(7, "Ann", speaks="de")
    assert (await head.person(ann.id)).speaks == "de"


async def test_the_console_has_one_person_who_may_do_everything(head: HeadApi) -> None:
    local = await head.local_person()
    assert (local.telegram_id, local.admin, local.admitted) == (None, True, True)
    assert await head.local_person() == local
    assert local in await head.admins()


async def test_an_admin_lets_people_in_and_out_and_nobody_else_does(head: HeadApi) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, bob = await _two(head)
    assert boss.admin
    assert boss.admitted
    assert (await head.admit(boss.id, ann, True)).admitted
    assert (await head.person_for_telegram(7, "Ann")).admitted
    with pytest.raises(RefusedError):
        await head.admit(ann, bob, True)
    with pytest.raises(RefusedError):
        await head.admit(boss.id, boss.id, False)
    assert not (await head.admit(boss.id, ann, False)).admitted
    await _missing(head.admit(boss.id, "nobody1234", True))


async def test_a_request_waits_for_an_answer_and_after_a_no_for_a_day(head: HeadApi, clock: ManualClock) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, bob = await _two(head)
    assert await head.request_access(ann) is AccessRequest.NEW
    assert await head.request_access(ann) is AccessRequest.WAITING
    assert [user.id for user in await head.users(boss.id)] == [ann, boss.id]  # Bob has asked for nothing
    await head.admit(boss.id, ann, False)
    assert await head.request_access(ann) is AccessRequest.DECLINED
    clock.advance(timedelta(days=1).total_seconds() + 1)
    assert await head.request_access(ann) is AccessRequest.NEW
    await head.admit(boss.id, ann, True)
    user = await head.user(boss.id, ann)
    assert (user.admitted, user.asked, user.running, user.queued) == (True, None, 0, 0)
    for number in range(20):
        stranger = await head.person_for_telegram(100 + number, "Somebody")
        assert await head.request_access(stranger.id) is AccessRequest.NEW
    with pytest.raises(RefusedError):
        await head.request_access(bob)


async def test_who_is_let_out_has_no_open_jobs(head: HeadApi) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, _ = await _two(head)
    await head.admit(boss.id, ann, True)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    assert (await head.user(boss.id, ann)).queued == 1
    await head.admit(boss.id, ann, False)
    after = await head.job(ann, job.id)
    assert after.cancelling or after.status is JobStatus.CANCELLED


async def test_nobody_but_an_admin_sees_people_and_pools_or_decides(head: HeadApi) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, _ = await _two(head)
    for question in (
        head.users(ann),
        head.user(ann, boss.id),
        head.pools(ann),
        head.put_to_sleep(ann, "nopool1234"),
        head.allow_group(ann, "telegram:-1", True),
    ):
        with pytest.raises(RefusedError, match="Only an admin"):
            await question
    await _missing(head.user(boss.id, "nobody1234"))
    await _missing(head.put_to_sleep(boss.id, "nopool1234"))


async def test_groups_are_allowed_one_by_one(head: HeadApi) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    assert not await head.group_allowed("telegram:-1")
    for _ in range(2):
        await head.allow_group(boss.id, "telegram:-1", True)
    assert await head.group_allowed("telegram:-1")
    assert not await head.group_allowed("telegram:-2")
    await head.allow_group(boss.id, "telegram:-1", False)
    assert not await head.group_allowed("telegram:-1")


async def test_what_is_brought_twice_is_known(head: HeadApi) -> None:
    assert await head.seen(["telegram:1"]) == set()
    await head.note_seen(["telegram:1", "telegram:2"])
    await head.note_seen(["telegram:2"])
    assert await head.seen(["telegram:1", "telegram:3"]) == {"telegram:1"}


# --- joining ---


async def test_a_join_command_is_fresh_short_and_somebodys(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await _two(head)
    offer, other = await head.offer_join(ann), await head.offer_join(ann)
    assert offer.offer_id != other.offer_id
    assert len(offer.command) <= 256
    assert offer.expires > clock.now()
    assert await head.join_state(ann, offer.offer_id) == (JoinState.WAITING, None)
    await _missing(head.join_state(bob, offer.offer_id))
    clock.advance((offer.expires - clock.now()).total_seconds() + 1)
    assert await head.join_state(ann, offer.offer_id) == (JoinState.EXPIRED, None)


async def test_joining_can_be_switched_off(opened: Open, tmp_path: Path, clock: ManualClock) -> None:
    async with opened(tmp_path, clock, joining=False) as head:
        ann, _ = await _two(head)
        assert not head.joining_enabled
        with pytest.raises(JoinRefused):
            await head.offer_join(ann)


async def test_who_has_no_machine_uses_the_server(head: HeadApi) -> None:
    ann, _ = await _two(head)
    assert await head.machines(ann) == []
    assert await head.default_place(ann) == HEAD
    assert await head.find_upload(ann, "churn.csv") is None
    await _missing(head.revoke(ann, "nomachine1"))
    await _missing(head.rename_machine(ann, "nomachine1", "desk"))
    await _missing(head.set_rest(ann, "nomachine1", Rest.PAUSED))
    assert await head.places_with(ann, PathData(path="~/churn.csv")) == DataPlaces()


# --- jobs and models ---


async def test_one_request_is_one_job(head: HeadApi) -> None:
    ann, bob = await _two(head)
    first = await head.submit(ann, SPEC, HEAD, request="draft1:3")
    assert (await head.submit(ann, SPEC, HEAD, request="draft1:3")).id == first.id
    assert (await head.submit(ann, SPEC, HEAD, request="draft1:4")).id != first.id
    assert (await head.submit(bob, SPEC, HEAD, request="draft1:3")).id != first.id
    assert (first.status, first.spec, first.place, first.person_id) == (JobStatus.QUEUED, SPEC, HEAD, ann)
    assert len(await head.jobs(ann)) == 2


async def test_open_jobs_come_first_then_the_newest_page_by_page(head: HeadApi, clock: ManualClock) -> None:
    ann, _ = await _two(head)
    ids = []
    for number in range(5):
        clock.advance(1)
        ids.append((await head.submit(ann, SPEC, HEAD, request=str(number))).id)
    listed = [job.id for job in await head.jobs(ann, limit=3)] + [job.id for job in await head.jobs(ann, offset=3)]
    assert listed == list(reversed(ids))


async def test_cancelling_says_so_at_once_and_may_be_asked_twice(head: HeadApi) -> None:
    ann, _ = await _two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    for _ in range(2):
        asked = await head.cancel(ann, job.id)
        assert asked.cancelling or asked.status is JobStatus.CANCELLED


async def test_another_persons_things_are_not_found(head: HeadApi, tmp_path: Path) -> None:
    ann, bob = await _two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    await head.save_draft(ann, _draft("draft1"))
    await _missing(head.job(bob, job.id))
    await _missing(head.cancel(bob, job.id))
    await _missing(head.job_file(bob, job.id, "roc.png", tmp_path / "roc.png"))
    await _missing(head.draft(bob, "draft1"))
    await _missing(head.save_draft(bob, _draft("draft1")))
    await _missing(head.model(bob, "nomodel123"))
    await _missing(head.rename_model(bob, "nomodel123", "mine"))
    await _missing(head.drop_model(bob, "nomodel123"))
    await _missing(head.submit(bob, ExportSpec(model_id="nomodel123", form="card"), HEAD, request="4"))
    predict = PredictSpec(data=PathData(path="x.csv"), model_id="nomodel123")
    await _missing(head.submit(bob, predict, HEAD, request="2"))
    await _missing(head.submit(bob, SPEC, "nomachine1", request="3"))
    await head.drop_draft(bob, "draft1")
    assert (await head.draft(ann, "draft1")).kind == "train"
    assert await head.jobs(bob) == []
    assert await head.models(bob) == []


async def test_what_is_not_settled_is_everybodys_open_jobs(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await _two(head)
    jobs = [await head.submit(who, SPEC, HEAD, request="1") for who in (ann, bob)]
    clock.advance(timedelta(days=3).total_seconds())
    assert set(await head.unsettled()) == {Change(person_id=job.person_id, job_id=job.id) for job in jobs}


async def test_what_follows_a_training_is_kept_with_it(head: HeadApi) -> None:
    ann, _ = await _two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1", then="~/new.csv")
    assert (job.then, job.next_id) == ("~/new.csv", "")
    assert (await head.job(ann, job.id)).then == "~/new.csv"


# --- leaving ---


async def test_a_person_who_is_forgotten_loses_everything_and_nobody_else_does(head: HeadApi) -> None:
    boss = (await head.person_for_telegram(ADMIN, "Boss")).id
    ann, bob = await _two(head)
    await head.admit(boss, ann, True)
    for who in (ann, bob):
        await head.submit(who, SPEC, HEAD, request="1")
        await head.save_draft(who, _draft(f"draft{who}"))
        await head.add_template(who, name="weekly", kind="train", fields={})
        await head.save_card(who, chat_id=who, subject="job:abcd", message_id=1)
    await head.prefer(ann, language="pt")
    assert json.loads(await head.export(ann))["person"]["id"] == ann
    for _ in range(2):
        await head.erase(ann)
        assert await head.jobs(ann) == []
        assert await head.templates(ann) == []
        await _missing(head.draft(ann, f"draft{ann}"))
    assert await head.cards("job:abcd") == [(bob, 1)]
    assert len(await head.jobs(bob)) == len(await head.templates(bob)) == 1
    stays = await head.person_for_telegram(7, "Ann")
    assert (stays.id, stays.admitted, stays.language) == (ann, True, "")
    await head.erase(bob)  # never admitted: nothing is known of him
    assert (await head.person_for_telegram(8, "Bob")).id != bob


# --- what the chat keeps ---


def _draft(id: str, *, chat_id: str = "console", paused: bool = False, revision: int = 1) -> Draft:
    fields: dict[str, object] = {"data": {"kind": "path", "path": "~/ä.csv"}, "facts": None, "parts": [1, 2.5, True]}
    return Draft(id=id, chat_id=chat_id, kind="train", fields=fields, asking="target", revision=revision, paused=paused)


async def test_a_draft_comes_back_as_it_was_saved(head: HeadApi) -> None:
    ann, _ = await _two(head)
    saved = await head.save_draft(ann, _draft("draft1"))
    assert await head.draft(ann, "draft1") == saved == _draft("draft1")
    newer = replace(saved, revision=2, asking="", fields={})
    await head.save_draft(ann, newer)
    assert await head.draft(ann, "draft1") == newer
    await head.drop_draft(ann, "draft1")
    await head.drop_draft(ann, "draft1")
    await _missing(head.draft(ann, "draft1"))


async def test_the_active_draft_is_the_chats_last_one_that_is_not_paused(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await _two(head)
    assert await head.active_draft(ann, "console") is None
    for draft in (_draft("first1"), _draft("second1"), _draft("third1", paused=True), _draft("other1", chat_id="x")):
        clock.advance(1)
        await head.save_draft(ann, draft)
    assert await head.active_draft(ann, "console") == _draft("second1")
    assert await head.active_draft(bob, "console") is None
    clock.advance(1)
    await head.save_draft(ann, _draft("first1", revision=2))
    assert await head.active_draft(ann, "console") == _draft("first1", revision=2)


async def test_the_last_form_that_ran_is_found_by_its_kind(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await _two(head)
    for number, job in enumerate(("job1", "job2", "")):
        clock.advance(1)
        await head.save_draft(ann, replace(_draft(f"draft{number}"), fields={"job": job}, paused=bool(job)))
    last = await head.last_run(ann, "train")
    assert last is not None
    assert last.fields == {"job": "job2"}
    assert await head.last_run(ann, "predict") is None
    assert await head.last_run(bob, "train") is None


async def test_drafts_expire_when_nobody_touches_them(head: HeadApi, clock: ManualClock) -> None:
    ann, _ = await _two(head)
    await head.save_draft(ann, _draft("draft1"))
    clock.advance(timedelta(days=DRAFT_DAYS).total_seconds())
    await head.save_draft(ann, _draft("draft2"))
    assert await head.expired_drafts() == []
    clock.advance(1)
    assert await head.expired_drafts() == [(ann, _draft("draft1"))]
    await head.drop_draft(ann, "draft1")
    assert await head.expired_drafts() == []


async def test_templates_are_kept_by_name(head: HeadApi, clock: ManualClock) -> None:
    ann, bob = await _two(head)
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
    await _missing(head.template(bob, first.id))
    await _missing(head.rename_template(bob, first.id, "mine"))
    await head.drop_template(bob, first.id)
    assert await head.template(ann, first.id) == first
    await head.drop_template(ann, first.id)
    await head.drop_template(ann, first.id)
    await _missing(head.template(ann, first.id))
    assert (await head.add_template(bob, name="Score", kind="train", fields={})).name == "Score"


async def test_preferences_stay(head: HeadApi) -> None:
    ann, _ = await _two(head)
    before = await head.person_for_telegram(7, "Ann")
    assert (before.language, before.machine_news, before.keep_uploads) == ("", True, False)
    await head.prefer(ann, language="pt", machine_news=False)
    changed = await head.prefer(ann, keep_uploads=True)
    assert (changed.language, changed.machine_news, changed.keep_uploads) == ("pt", False, True)
    assert await head.person_for_telegram(7, "Ann") == await head.person(ann) == changed
    await _missing(head.person("nobody1234"))
    with pytest.raises(RefusedError):
        await head.prefer(ann, language="klingon")
    assert (await head.person_for_telegram(8, "Bob")).language == ""
    assert (await head.prefer(ann, language="")).language == ""


async def test_of_each_subject_a_chat_has_one_card_the_newest(head: HeadApi) -> None:
    ann, _ = await _two(head)
    for chat_id, message_id in (("telegram:7", 11), ("console", 2), ("telegram:7", 15)):
        await head.save_card(ann, chat_id=chat_id, subject="job:abcd", message_id=message_id)
    assert sorted(await head.cards("job:abcd")) == [("console", 2), ("telegram:7", 15)]
    assert await head.cards("job:efgh") == []


async def test_changes_are_told_from_the_call_on(head: HeadApi) -> None:
    ann, _ = await _two(head)
    await head.submit(ann, SPEC, HEAD, request="1")
    changes = head.changes()
    job = await head.submit(ann, SPEC, HEAD, request="2")
    async with asyncio.timeout(10):
        assert await anext(changes) == Change(person_id=ann, job_id=job.id)
