"""One real pool in its sealed box, through all that its keeper and its client promise, in the order of its life."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio

from head.clock import SystemClock
from head.errors import DataRefused, JobRefused, NotFoundError, PoolUnavailable
from head.keeper import Keeper, KeeperSettings, PoolIdentity
from head.pool_client import PoolClient
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE
from ray_jobs.spec import (
    Cancelled,
    Completed,
    Event,
    Folder,
    PathData,
    PredictResult,
    PredictSpec,
    Started,
    TrainResult,
    TrainSpec,
    UploadData,
)  # fmt: skip
from tests.support.tables import Tables, write_tables

pytestmark = pytest.mark.asyncio(loop_scope="module")

POOL = PoolIdentity(pool_id="pooltest1", tag="u_abcdefgh234567ab", ray_token="k" * 43)
TABLE = UploadData(upload_id="upload1", name="cancer.csv")
PATIENCE = 60.0


@dataclass(kw_only=True)
class Life:
    """The pool under test; `keeper` and `client` change where it is found or started again."""

    settings: KeeperSettings
    keeper: Keeper
    client: PoolClient
    model_id: str = ""

    @property
    def box(self) -> int:
        return self.keeper._pools[POOL.pool_id].box.pid

    @property
    def run(self) -> Path:
        return self.settings.data_dir / "run" / POOL.pool_id

    @property
    def folder(self) -> Path:
        return self.settings.data_dir / "pools" / POOL.pool_id

    async def start(self) -> None:
        self.client = await self.keeper.ensure(POOL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def life(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    settings = KeeperSettings(
        data_dir=tmp_path_factory.mktemp("data"), sealed=True, cpus=1, memory=4 << 30, object_store=100 << 20,
        quota=1 << 30, idle_seconds=0,
    )  # fmt: skip
    keeper = Keeper(settings, SystemClock())
    both = await asyncio.gather(keeper.ensure(POOL), keeper.ensure(POOL))
    assert both[0] is both[1]  # one start for both
    life = Life(settings=settings, keeper=keeper, client=both[0])
    yield life
    await life.keeper.stop(POOL.pool_id)
    await life.keeper.close()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return write_tables(tmp_path_factory.mktemp("tables"))


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in thread.read_text().split()]
    return found


def gcs_server(pid: int) -> int:
    """The pid of the box's gcs_server."""
    return next(
        each for each in family(pid) if b"gcs_server" in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")[0]
    )


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + PATIENCE
    while not await true():
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


async def followed(client: PoolClient, job_id: str, *, since: int = 0) -> list[Event]:
    async with asyncio.timeout(PATIENCE):
        return [event async for event in client.events(job_id, "head", since=since)]


async def test_it_is_ready_and_sealed(life: Life) -> None:
    health = await life.client.health()
    assert (health.state, health.sealed) == ("ready", True)
    assert await life.client.machines() == ()
    for folder in (life.run, life.folder):
        assert folder.stat().st_mode & 0o777 == 0o700


async def test_the_servers_own_node_has_no_folder_to_look_into(life: Life) -> None:
    assert await life.client.browse("head", "") == Folder(path="", entries=())
    with pytest.raises(DataRefused):
        await life.client.browse("head", "/etc")


async def test_a_table_is_sent_looked_at_and_learned_from(life: Life, tables: Tables) -> None:
    client = life.client
    content = tables.train.read_bytes()
    assert await client.put_upload(TABLE.upload_id, "head", TABLE.name, content) == len(content)
    facts = await client.inspect("head", TABLE, "diagnosis")
    assert (facts.rows, facts.task, facts.classes) == (449, "classification", 2)

    spec = TrainSpec(data=TABLE, target="diagnosis", model="logistic_regression")
    await client.start_job("trainjob", spec, "head")
    await client.start_job("trainjob", spec, "head")  # once, however often it is told
    events = await followed(client, "trainjob")
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    started = next(event for event in events if isinstance(event, Started))
    assert (started.node_ip, started.sealed) == (HEAD_ADDRESS, True)
    end = events[-1]
    assert isinstance(end, Completed)
    assert isinstance(end.result, TrainResult)
    assert end.result.metrics["roc_auc"] > 0.98
    life.model_id = end.result.model_id
    assert [model.model_id for model in await client.models("head")] == [life.model_id]

    picture = io.BytesIO()
    size = await client.download("trainjob", "head", end.result.pictures[0], picture)
    assert picture.getvalue()[:4] == b"\x89PNG"
    assert size == len(picture.getvalue())


async def test_the_model_predicts_where_it_lies(life: Life, tables: Tables) -> None:
    data = UploadData(upload_id="upload2", name="new.csv")
    await life.client.put_upload(data.upload_id, "head", data.name, tables.new.read_bytes())
    await life.client.start_job("predictjob", PredictSpec(data=data, model_id=life.model_id), "head")
    end = (await followed(life.client, "predictjob"))[-1]
    assert isinstance(end, Completed)
    assert isinstance(end.result, PredictResult)
    assert end.result.rows == 120
    file = io.BytesIO()
    await life.client.download("predictjob", "head", end.result.file, file)
    assert file.getvalue().count(b"\n") == 121


async def test_the_model_gets_another_name(life: Life) -> None:
    assert await life.client.rename_model(life.model_id, "head", "Größe / spring ") == 1
    (model,) = await life.client.models("head")
    assert (model.model_id, model.name, model.version) == (life.model_id, "Größe / spring", 1)


async def test_what_is_not_there_is_told_as_such(life: Life) -> None:
    with pytest.raises(NotFoundError):
        await life.client.rename_model("nomodel", "head", "spring")
    assert await life.client.drop_model("nomodel", "head") is False
    with pytest.raises(DataRefused):
        await life.client.inspect("head", PathData(path="/etc/passwd"), None)
    with pytest.raises(NotFoundError):
        await life.client.download("trainjob", "head", "..", io.BytesIO())
    with pytest.raises(NotFoundError):
        await life.client.download("trainjob", "head", "../../place.json", io.BytesIO())
    with pytest.raises(NotFoundError):
        await life.client.download("nojob", "head", "a.png", io.BytesIO())
    assert await life.client.cancel_job("nojob", "head") is False
    assert await followed(life.client, "nojob") == []


async def test_a_job_is_cancelled(life: Life) -> None:
    spec = TrainSpec(data=TABLE, target="diagnosis", model="random_forest", parameters={"n_estimators": 10_000})
    await life.client.start_job("longjob", spec, "head")
    seen: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        async for event in life.client.events("longjob", "head", since=0):
            seen.append(event)
            if isinstance(event, Started):
                assert await life.client.cancel_job("longjob", "head")
    assert isinstance(seen[-1], Cancelled)


async def test_a_machine_that_is_away_is_refused_in_time(life: Life) -> None:
    begun = time.monotonic()
    with pytest.raises(JobRefused):
        await life.client.cancel_job("anyjob", "laptop1")
    assert time.monotonic() - begun < 15


async def dashboard(life: Life, path: str, query: str = "") -> tuple[int, bytes]:
    async with life.client.request("GET", path, query, {"accept": "application/json"}, b"") as answer:
        return answer.status, b"".join([part async for part in answer.body])


async def test_the_dashboard_starts_when_somebody_looks_and_shows_the_work(life: Life) -> None:
    asked = partial(dashboard, life)
    assert (await asked("api/version"))[0] == 200
    assert b"train trainjob" in (await asked("api/v0/tasks"))[1]
    assert b"MachineAgent" in (await asked("api/v0/actors"))[1] or b"agent-head" in (await asked("api/v0/actors"))[1]
    assert (await asked("nodes", "view=summary"))[0] == 200


async def test_a_machine_enters_through_the_door(life: Life) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode().strip()
    door_key = await life.client.announce_machine("laptop1", address="127.77.1.1", public_key=public)
    raw = socket.socket(socket.AF_UNIX)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, life.keeper.door_address(POOL.pool_id))
    known: tuple[list[asyncssh.SSHKey], ...] = ([asyncssh.import_public_key(door_key)], [], [])
    assert (await dashboard(life, "api/version"))[0] == 200
    async with asyncssh.connect(sock=raw, username="m", client_keys=[key], known_hosts=known, config=None) as machine:
        await machine.forward_remote_port("127.77.1.1", MACHINE.node_manager, "127.0.0.1", 9)
        reader, writer = await machine.open_connection(HEAD_ADDRESS, HEAD.dashboard or 0)
        writer.write(b"GET /api/version HTTP/1.0\r\n\r\n")
        assert b" 401 " in await reader.readline()  # the head answers, and asks for the token
        (row,) = await life.client.machines()
        assert (row.machine_id, row.tunnel, row.alive) == ("laptop1", True, False)
        await life.client.remove_machine("laptop1")
        async with asyncio.timeout(5):
            await machine.wait_closed()
    assert await life.client.machines() == ()


async def test_another_keeper_finds_the_running_box(life: Life) -> None:
    box = life.box
    await life.keeper.close()
    life.keeper = Keeper(life.settings, SystemClock())
    assert life.keeper.client(POOL.pool_id) is None
    assert await life.keeper.find_running() == [POOL.pool_id]
    await life.start()
    assert life.box == box
    assert (await followed(life.client, "trainjob"))[-1].kind == "completed"


async def test_a_box_whose_record_was_lost_is_ended_before_another_starts(life: Life) -> None:
    lost = family(life.box)
    await life.keeper.close()
    (life.run / "box.json").write_text('{"pid"')
    life.keeper = Keeper(life.settings, SystemClock())
    assert await life.keeper.find_running() == []
    await life.start()
    assert life.box not in lost
    assert not any(os.path.exists(f"/proc/{pid}") for pid in lost)  # noqa: ASYNC240


async def test_it_comes_back_after_every_process_was_killed(life: Life) -> None:
    box = life.box
    for pid in family(box):
        with contextlib.suppress(ProcessLookupError):  # it ended with its parent
            os.kill(pid, signal.SIGKILL)
    await life.start()
    assert life.box != box
    assert (await followed(life.client, "trainjob"))[-1].kind == "completed"
    assert [model.model_id for model in await life.client.models("head")] == [life.model_id]


async def test_a_dead_ray_head_with_a_damaged_memory_is_started_clean(life: Life) -> None:
    """The box goes on, and what the agent keeps on disk is not lost with what the head remembered."""
    box = life.box
    memory = gcs_server(box)
    os.kill(memory, signal.SIGSTOP)  # else it may write something whole once more
    for file in (life.folder / "gcs").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    os.kill(memory, signal.SIGKILL)

    async def is_down() -> bool:
        return (await life.client.health()).state == "starting"

    await until(is_down)
    await life.start()
    assert life.box == box
    assert (life.folder / "gcs.damaged").is_dir()
    assert (await followed(life.client, "trainjob"))[-1].kind == "completed"


async def test_it_stops_when_idle_and_leaves_nothing_behind(life: Life) -> None:
    processes = family(life.box)
    awake = life.keeper.look(POOL.pool_id)
    assert awake.awake
    assert awake.memory is not None
    assert awake.memory > 100 << 20
    assert await life.keeper.stop_idle({POOL.pool_id}) == []
    assert await life.keeper.stop_idle(set()) == [POOL.pool_id]

    async def all_gone() -> bool:  # process 1 was killed, and its parent is about to bury it
        return not any(os.path.exists(f"/proc/{pid}") for pid in processes)  # noqa: ASYNC240

    await until(all_gone)
    assert sorted(path.name for path in life.run.iterdir()) == ["errors", "lock"]
    asleep = life.keeper.look(POOL.pool_id)
    assert (asleep.awake, asleep.memory) == (False, None)
    assert awake.since is not None
    assert asleep.since is not None
    assert asleep.since > awake.since
    assert life.keeper.client(POOL.pool_id) is None
    with pytest.raises(PoolUnavailable):
        life.keeper.door_address(POOL.pool_id)
    await life.keeper.stop(POOL.pool_id)  # once more is fine


async def test_what_it_wrote_is_deleted_when_no_machine_is_left(life: Life) -> None:
    outside = life.settings.data_dir / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (life.folder / "trap").symlink_to(outside)
    await life.keeper.discard(POOL.pool_id)
    assert not life.folder.exists()
    assert (outside / "precious").exists()
    assert list((life.settings.data_dir / "dead").iterdir()) == []
    await life.keeper.discard(POOL.pool_id)  # once more is fine
