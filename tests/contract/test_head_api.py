"""What every control plane promises the chat. The in-memory one of the tests and the real one pass the same tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from head.api import (
    EVENTS_PAGE,
    HEAD,
    AccessRequest,
    Change,
    DataPlaces,
    EndReason,
    ExportSpec,
    HeadApi,
    JobRefused,
    JobStatus,
    JoinRefused,
    JoinState,
    PathData,
    PredictSpec,
    Progress,
    RefusedError,
    Rest,
)
from head.clock import ManualClock
from ray_jobs.spec import Started
from tests.support.heads import ADMIN, SPEC, Open, absent_machine, draft_of, missing, tell, two

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
    ann, bob = await two(head)
    assert boss.admin
    assert boss.admitted
    assert (await head.admit(boss.id, ann, True)).admitted
    assert (await head.person_for_telegram(7, "Ann")).admitted
    with pytest.raises(RefusedError):
        await head.admit(ann, bob, True)
    with pytest.raises(RefusedError):
        await head.admit(boss.id, boss.id, False)
    assert not (await head.admit(boss.id, ann, False)).admitted
    await missing(head.admit(boss.id, "nobody1234", True))


async def test_a_request_waits_for_an_answer_and_after_a_no_for_a_day(head: HeadApi, clock: ManualClock) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, bob = await two(head)
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
    ann, _ = await two(head)
    await head.admit(boss.id, ann, True)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    assert (await head.user(boss.id, ann)).queued == 1
    await head.admit(boss.id, ann, False)
    after = await head.job(ann, job.id)
    assert after.cancelling or after.status is JobStatus.CANCELLED


async def test_nobody_but_an_admin_sees_people_and_pools_or_decides(head: HeadApi) -> None:
    boss = await head.person_for_telegram(ADMIN, "Boss")
    ann, _ = await two(head)
    for question in (
        head.users(ann),
        head.user(ann, boss.id),
        head.pools(ann),
        head.put_to_sleep(ann, "nopool1234"),
        head.allow_group(ann, "telegram:-1", True),
    ):
        with pytest.raises(RefusedError, match="Only an admin"):
            await question
    await missing(head.user(boss.id, "nobody1234"))
    await missing(head.put_to_sleep(boss.id, "nopool1234"))


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
    ann, bob = await two(head)
    offer, other = await head.offer_join(ann), await head.offer_join(ann)
    assert offer.offer_id != other.offer_id
    assert len(offer.command) <= 256
    assert offer.expires > clock.now()
    assert await head.join_state(ann, offer.offer_id) == (JoinState.WAITING, None)
    await missing(head.join_state(bob, offer.offer_id))
    clock.advance((offer.expires - clock.now()).total_seconds() + 1)
    assert await head.join_state(ann, offer.offer_id) == (JoinState.EXPIRED, None)


async def test_joining_can_be_switched_off(opened: Open, tmp_path: Path, clock: ManualClock) -> None:
    async with opened(tmp_path, clock, joining=False) as head:
        ann, _ = await two(head)
        assert not head.joining_enabled
        with pytest.raises(JoinRefused):
            await head.offer_join(ann)


async def test_who_has_no_machine_uses_the_server(head: HeadApi) -> None:
    ann, _ = await two(head)
    assert await head.machines(ann) == []
    assert await head.default_place(ann) == HEAD
    assert await head.find_upload(ann, "churn.csv") is None
    await missing(head.revoke(ann, "nomachine1"))
    await missing(head.rename_machine(ann, "nomachine1", "desk"))
    await missing(head.set_rest(ann, "nomachine1", Rest.PAUSED))
    assert await head.places_with(ann, PathData(path="~/churn.csv")) == DataPlaces()


async def test_folders_are_looked_into_on_ones_own_machines_that_are_there(head: HeadApi) -> None:
    ann, bob = await two(head)
    machine = await absent_machine(head, ann)
    with pytest.raises(JobRefused, match="attic is away just now"):
        await head.browse(ann, machine, "")
    await missing(head.browse(bob, machine, ""))
    await missing(head.browse(ann, "nomachine1", ""))
    with pytest.raises(RefusedError, match="no folders of yours"):
        await head.browse(ann, HEAD, "")


async def test_a_test_job_runs_on_ones_own_machine_that_is_there(head: HeadApi) -> None:
    ann, bob = await two(head)
    machine = await absent_machine(head, ann)
    with pytest.raises(JobRefused, match="attic is away just now"):
        await head.test_job(ann, machine, request="test:1")
    await missing(head.test_job(bob, machine, request="test:1"))
    await missing(head.test_job(ann, HEAD, request="test:1"))
    assert await head.jobs(ann) == []
    await head.revoke(ann, machine)
    with pytest.raises(JobRefused):
        await head.test_job(ann, machine, request="test:1")


# --- jobs and models ---


async def test_one_request_is_one_job(head: HeadApi) -> None:
    ann, bob = await two(head)
    first = await head.submit(ann, SPEC, HEAD, request="draft1:3")
    assert (await head.submit(ann, SPEC, HEAD, request="draft1:3")).id == first.id
    assert (await head.submit(ann, SPEC, HEAD, request="draft1:4")).id != first.id
    assert (await head.submit(bob, SPEC, HEAD, request="draft1:3")).id != first.id
    assert (first.status, first.spec, first.place, first.person_id) == (JobStatus.QUEUED, SPEC, HEAD, ann)
    assert len(await head.jobs(ann)) == 2


async def test_with_the_last_machine_the_servers_jobs_end_too(head: HeadApi) -> None:
    ann, bob = await two(head)
    first, second = await absent_machine(head, ann), await absent_machine(head, ann)
    others = await head.submit(bob, SPEC, HEAD, request="1")
    there, here = [await head.submit(ann, SPEC, place, request=place) for place in (second, HEAD)]
    await head.revoke(ann, second)
    assert (await head.job(ann, there.id)).end_reason is EndReason.REVOKED
    assert not (await head.job(ann, here.id)).status.ended
    await head.revoke(ann, first)
    after = await head.job(ann, here.id)
    assert (after.status, after.end_reason) == (JobStatus.FAILED, EndReason.REVOKED)
    assert not (await head.job(bob, others.id)).status.ended


async def test_open_jobs_come_first_then_the_newest_page_by_page(head: HeadApi, clock: ManualClock) -> None:
    ann, _ = await two(head)
    ids = []
    for number in range(5):
        clock.advance(1)
        ids.append((await head.submit(ann, SPEC, HEAD, request=str(number))).id)
    listed = [job.id for job in await head.jobs(ann, limit=3)] + [job.id for job in await head.jobs(ann, offset=3)]
    assert listed == list(reversed(ids))


async def test_jobs_are_listed_by_where_they_stand(head: HeadApi) -> None:
    ann, bob = await two(head)
    for who in (ann, bob):
        await head.submit(who, SPEC, HEAD, request="waits")
    running = await head.submit(ann, SPEC, HEAD, request="runs")
    await tell(head, running, Started(n=1, at=0, node_ip="127.77.1.1", sealed=True))
    assert [job.id for job in await head.jobs(ann, among=[JobStatus.RUNNING, JobStatus.UNREACHABLE])] == [running.id]
    assert len(await head.jobs(ann, among=[JobStatus.RUNNING, JobStatus.QUEUED])) == 2
    assert await head.jobs(ann, among=[JobStatus.FAILED]) == []
    assert await head.jobs(ann, among=[JobStatus.RUNNING], offset=1) == []


async def test_a_job_tells_when_it_came_to_stand_where(head: HeadApi, clock: ManualClock) -> None:
    ann, _ = await two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    assert [moment.status for moment in job.history] == [JobStatus.QUEUED]
    clock.advance(60)
    await tell(head, job, Started(n=1, at=clock.now().timestamp(), node_ip="127.77.1.1", sealed=True))
    history = (await head.job(ann, job.id)).history
    assert [moment.status for moment in history] == [JobStatus.QUEUED, JobStatus.DISPATCHED, JobStatus.RUNNING]
    assert history[0].at == job.created
    assert all(abs((moment.at - clock.now()).total_seconds()) <= 1 for moment in history[1:])


async def test_the_events_of_a_job_are_its_owners_and_come_page_by_page(head: HeadApi) -> None:
    ann, bob = await two(head)
    job, other = [await head.submit(ann, SPEC, HEAD, request=request) for request in ("1", "2")]
    assert await head.job_events(ann, job.id) == []
    told = [Progress(n=n, at=float(n), step=f"epoch {n}", metrics={"loss": 1 / n}) for n in range(1, 8)]
    await tell(head, job, *told)
    assert await head.job_events(ann, job.id) == told
    assert await head.job_events(ann, job.id, limit=3) == told[-3:]
    assert await head.job_events(ann, job.id, before=5, limit=3) == told[1:4]
    assert await head.job_events(ann, job.id, before=1) == []
    assert await head.job_events(ann, job.id, limit=0) == await head.job_events(ann, job.id, limit=-1) == []
    assert await head.job_events(ann, other.id) == []
    await missing(head.job_events(bob, job.id))
    await missing(head.job_events(ann, "nojob12345"))


async def test_no_more_events_than_a_page_are_handed_out(head: HeadApi) -> None:
    ann, _ = await two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    await tell(head, job, *(Progress(n=n, at=0, step="s") for n in range(1, EVENTS_PAGE + 3)))
    assert [event.n for event in await head.job_events(ann, job.id, limit=10**9)] == list(range(3, EVENTS_PAGE + 3))


async def test_cancelling_says_so_at_once_and_may_be_asked_twice(head: HeadApi) -> None:
    ann, _ = await two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    for _ in range(2):
        asked = await head.cancel(ann, job.id)
        assert asked.cancelling or asked.status is JobStatus.CANCELLED


async def test_another_persons_things_are_not_found(head: HeadApi, tmp_path: Path) -> None:
    ann, bob = await two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1")
    await head.save_draft(ann, draft_of("draft1"))
    await missing(head.job(bob, job.id))
    await missing(head.cancel(bob, job.id))
    await missing(head.job_file(bob, job.id, "roc.png", tmp_path / "roc.png"))
    await missing(head.draft(bob, "draft1"))
    await missing(head.save_draft(bob, draft_of("draft1")))
    await missing(head.model(bob, "nomodel123"))
    await missing(head.rename_model(bob, "nomodel123", "mine"))
    await missing(head.drop_model(bob, "nomodel123"))
    await missing(head.submit(bob, ExportSpec(model_id="nomodel123", form="card"), HEAD, request="4"))
    predict = PredictSpec(data=PathData(path="x.csv"), model_id="nomodel123")
    await missing(head.submit(bob, predict, HEAD, request="2"))
    await missing(head.submit(bob, SPEC, "nomachine1", request="3"))
    await head.drop_draft(bob, "draft1")
    assert (await head.draft(ann, "draft1")).kind == "train"
    assert await head.jobs(bob) == []
    assert await head.models(bob) == []


async def test_what_is_not_settled_is_everybodys_open_jobs_machines_and_unused_commands(
    head: HeadApi, clock: ManualClock
) -> None:
    ann, bob = await two(head)
    await head.offer_join(ann)
    gone, machine = await absent_machine(head, ann), await absent_machine(head, bob)
    await head.revoke(ann, gone)
    jobs = [await head.submit(who, SPEC, HEAD, request="1") for who in (ann, bob)]
    clock.advance(timedelta(days=3).total_seconds())
    open_ = {Change(person_id=job.person_id, job_id=job.id) for job in jobs}
    fresh = Change(person_id=bob, offer_id=(await head.offer_join(bob)).offer_id)
    assert set(await head.unsettled()) == open_ | {Change(person_id=bob, machine_id=machine), fresh}


async def test_what_follows_a_training_is_kept_with_it(head: HeadApi) -> None:
    ann, _ = await two(head)
    job = await head.submit(ann, SPEC, HEAD, request="1", then="~/new.csv")
    assert (job.then, job.next_id) == ("~/new.csv", "")
    assert (await head.job(ann, job.id)).then == "~/new.csv"
