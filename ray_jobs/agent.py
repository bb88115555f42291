"""MachineAgent: the detached Ray actor that owns the jobs of one machine, or of the pool's own head node.

A job outlives whoever started it: the agent holds the task, numbers its events and keeps them on the machine's disk
until they are acknowledged. Callers get plain values; they are in the pool's box, and validate what comes out of this
one.
"""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import secrets
import shutil
import string
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray

from ray_jobs import work
from ray_jobs.browsing import browse
from ray_jobs.inbox import Inbox
from ray_jobs.journal import Journal, Line, load_all
from ray_jobs.place import check_space, checked_id, disk_used, load_place
from ray_jobs.problems import Refused
from ray_jobs.running import Job, crash, log, ray_stream, remove_unfinished
from ray_jobs.shelf import drop_model, manifests, rename_model
from ray_jobs.spec import WORK, Problem, ProblemCode, TrainSpec

_ID_LETTERS = string.ascii_lowercase + string.digits
_CHUNK_LIMIT = 4 * 1024 * 1024
#: Seconds that looking at a table may take.
_INSPECT_LIMIT = 120
#: Seconds that looking into a folder may take; whoever asks waits little longer.
_BROWSE_LIMIT = 8
#: Ended and acknowledged jobs whose ids and files are remembered.
_REMEMBERED = 500


class Agent:
    """The actor's class. Every public method can be called again after a restart with the same arguments."""

    def __init__(self, place: str, resource: str) -> None:
        self.place_name = place
        self.resource = resource
        self.place = load_place()
        self.place.make_folders()
        _log_to(self.place.logs / "agent.log")
        self.inbox = Inbox(self.place)
        self.threads = _node_cores()
        self.jobs = {journal.job_id: Job(journal) for journal in load_all(self.place.journal)}
        self._lookers = ThreadPoolExecutor(2, thread_name_prefix="browse")
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = time.time()
        self._starting = asyncio.Lock()
        self._recovered = asyncio.Lock()
        self._recovery_done = False
        self._warm = False

    # --- jobs ---
    async def start(self, job_id: str, spec: Line, pin: dict[str, float]) -> bool:
        """Starts a job; False where it is known already, ended or not. Raises ValueError for what is no id or no
        spec.
        """
        checked_id(job_id)
        checked = WORK.validate_python(spec)
        await self._recover()
        async with self._starting:
            if job_id in self.jobs:
                return False
            order = {"spec": checked.model_dump(mode="json"), "model_id": _new_id()}
            accepted = {"kind": "accepted", "n": 1, "at": time.time()}
            journal = await asyncio.to_thread(Journal.create, self.place.journal, job_id, order, accepted)
            job = self.jobs[job_id] = Job(journal)
        self._spawn(self._run(job, checked, pin))
        return True

    async def read(self, job_id: str, since: int, wait: float) -> list[Line]:
        """Events numbered above `since`; waits up to `wait` seconds for one. Raises LookupError for an unknown job."""
        await self._recover()
        return await self._job(job_id).read(since, wait)

    async def acknowledge(self, job_id: str, n: int) -> None:
        """The head has every event up to number `n`. An ended job's journal is then cut down to its ending."""
        await self._recover()
        job = self._job(job_id)
        if job.ended and n >= job.journal.last:
            await asyncio.to_thread(job.journal.trim)

    async def cancel(self, job_id: str) -> bool:
        """Stops the work, by force after two seconds; the job ends with `cancelled`. False where it has ended or is
        unknown.
        """
        await self._recover()
        return job_id in self.jobs and self.jobs[job_id].stop({"kind": "cancelled"})

    # --- data ---
    async def inspect(self, data: Line, target: str | None) -> Line:
        """{"facts": DataFacts} or {"problem": Problem}."""
        order = {"data": data, "target": target, "place": self._settings()}
        reference = work.inspect_task.options(name="inspect", resources={self.resource: 0.001}).remote(order)
        try:
            answer: Line = await asyncio.wait_for(reference, _INSPECT_LIMIT)
        except TimeoutError:
            ray.cancel(reference, force=True)
            return _refusal(ProblemCode.FILE_UNREADABLE, f"Reading the file took longer than {_INSPECT_LIMIT} seconds.")
        except ray.exceptions.RayError as error:
            return {"problem": crash(error, "inspect")["problem"]}
        if work.LOG in answer:
            log.error("inspect: %s", answer.pop(work.LOG))
        return answer

    async def browse(self, path: str) -> Line:
        """{"folder": Folder} or {"problem": Problem}; "": the allowed folders."""
        # Threads of its own: a disk that does not answer must not hold up the journals.
        looking = asyncio.get_running_loop().run_in_executor(self._lookers, browse, self.place, path)
        try:
            return {"folder": (await asyncio.wait_for(looking, _BROWSE_LIMIT)).model_dump(mode="json")}
        except TimeoutError:
            return _refusal(
                ProblemCode.FILE_UNREADABLE, f"Looking into the folder took longer than {_BROWSE_LIMIT} seconds."
            )
        except Refused as refused:
            return {"problem": refused.problem.model_dump(mode="json")}
        except OSError as error:
            return _refusal(ProblemCode.FILE_UNREADABLE, f"The folder can't be looked into: {error.strerror}.")

    async def put_begin(self, upload_id: str, name: str, size: int) -> Line:
        """{} or {"problem": Problem}."""
        return await _answered(self.inbox.begin, upload_id, name, size)

    async def put_chunk(self, upload_id: str, chunk: bytes) -> Line:
        """{"size": bytes so far} or {"problem": Problem}. One call after the other."""
        return await _answered(self.inbox.add, upload_id, chunk)

    async def put_end(self, upload_id: str) -> Line:
        """{"size": bytes} or {"problem": Problem}."""
        return await _answered(self.inbox.end, upload_id)

    async def drop_upload(self, upload_id: str) -> None:
        await asyncio.to_thread(self.inbox.drop, upload_id)

    async def file_size(self, job_id: str, name: str) -> int:
        """Bytes of a picture or result of the job. Raises LookupError."""
        return (await asyncio.to_thread(self._file, job_id, name)).stat().st_size

    async def file_chunk(self, job_id: str, name: str, offset: int, length: int) -> bytes:
        """At most `length`, and at most 4 MiB. Raises LookupError, ValueError."""
        if offset < 0 or not 0 < length <= _CHUNK_LIMIT:
            raise ValueError("offset or length out of range")

        def read() -> bytes:
            with open(self._file(job_id, name), "rb") as file:
                file.seek(offset)
                return file.read(length)

        return await asyncio.to_thread(read)

    # --- models and the place ---
    async def models(self) -> list[Line]:
        """The manifests of all models here, newest first."""

        return await asyncio.to_thread(manifests, self.place.models)

    async def drop_model(self, model_id: str) -> bool:
        """Deletes a model; False where there is none."""
        return await asyncio.to_thread(drop_model, self.place.models, model_id)

    async def rename_model(self, model_id: str, name: str) -> int:
        """Returns which version of that name it is now. Raises LookupError where there is no such model, ValueError for
        what is no name.
        """
        return await asyncio.to_thread(rename_model, self.place.models, model_id, name)

    async def warm(self) -> bool:
        """Has a worker import what most jobs need. True when it has."""
        reference = work.warm_task.options(name="warm", resources={self.resource: 0.001}).remote()
        self._warm = bool(await reference)
        return self._warm

    async def status(self) -> Line:
        running = sorted(job_id for job_id, job in self.jobs.items() if not job.ended)
        used = await asyncio.to_thread(disk_used, self.place.folder)
        return {
            "place": self.place_name,
            "running": running,
            "disk": used,
            "quota": self.place.quota,
            "threads": self.threads,
            "warm": self._warm,
            "uptime": time.time() - self._started,
        }

    # --- inside ---
    async def _recover(self) -> None:
        """Once, before anything else: jobs that ran when the agent's process ended have lost their tasks with it."""
        async with self._recovered:
            if self._recovery_done:
                return
            for job_id, job in self.jobs.items():
                if not job.ended:
                    problem = Problem(
                        code=ProblemCode.INTERRUPTED, message="The machine's Ray node restarted while the job ran."
                    )
                    await job.append({"kind": "failed", "problem": problem.model_dump(mode="json")})
                    await asyncio.to_thread(self._tidy, job_id, job)
            self._recovery_done = True

    async def _run(self, job: Job, spec: Any, pin: dict[str, float]) -> None:
        job_id = job.journal.job_id
        try:
            await asyncio.to_thread(check_space, self.place, 0)
            others = sum(not other.ended for other in self.jobs.values()) - 1
            order = {
                "job_id": job_id,
                **job.journal.order,
                "place": self._settings(),
                "pin": pin,
                # Jobs side by side share the cores instead of fighting over them.
                "threads": max(1, self.threads // (1 + others)),
            }
            alone = isinstance(spec, TrainSpec) and spec.model == "keras"
            task = work.run_job_alone_task if alone else work.run_job_task
            generator = task.options(name=f"{spec.kind} {job_id}", resources=pin).remote(order)
            await job.run(ray_stream(generator), spec.time_limit)
        except Refused as refused:
            await job.append({"kind": "failed", "problem": refused.problem.model_dump(mode="json")})
        except Exception as error:
            await job.append(crash(error, job_id))
        await asyncio.to_thread(self._tidy, job_id, job)
        await asyncio.to_thread(self._forget_oldest)
        if self._warm and job.journal.events[-1]["kind"] in ("cancelled", "timed_out"):
            self._spawn(self.warm())  # its worker went with the job

    def _tidy(self, job_id: str, job: Job) -> None:
        """Removes what an ended job left half done; a model counts only with its job completed."""
        remove_unfinished(self.place.job(job_id))
        if job.journal.events[-1]["kind"] != "completed":
            drop_model(self.place.models, job.journal.order.get("model_id", ""))

    def _forget_oldest(self) -> None:
        ended = [job_id for job_id, job in self.jobs.items() if job.ended and len(job.journal.events) == 1]
        for job_id in ended[:-_REMEMBERED]:
            self.jobs.pop(job_id).journal.path.unlink(missing_ok=True)
            shutil.rmtree(self.place.job(job_id), ignore_errors=True)

    def _file(self, job_id: str, name: str) -> Path:
        """A plain file of the job: in its folder, or a result that its folder links to. Raises LookupError.

        Where the owner shares no rows, predictions stay: they hold the input's rows.
        """
        try:
            folder = self.place.job(job_id)
        except ValueError as error:
            raise LookupError("no such job") from error
        real = Path(os.path.realpath(folder / name))
        homes = {Path(os.path.realpath(folder)), Path(os.path.realpath(self.place.results))}
        job = self.jobs.get(job_id)
        if not self.place.share_rows and job and job.journal.order.get("spec", {}).get("kind") == "predict":
            raise LookupError("the machine's owner shares no rows")
        if os.path.basename(name) != name or real.parent not in homes or not real.is_file():
            raise LookupError("no such file of this job")
        return real

    def _job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise LookupError("no such job here")
        return self.jobs[job_id]

    def _settings(self) -> Line:
        return self.place.model_dump(mode="json")

    def _spawn(self, work_to_do: Any) -> None:
        task = asyncio.ensure_future(work_to_do)
        self._tasks.add(task)  # the loop alone would let it be collected
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background task: %s", type(error).__name__)


async def _answered(action: Any, *arguments: Any) -> Line:
    """The answer of an inbox action as a dict."""
    try:
        size = await asyncio.to_thread(action, *arguments)
    except Refused as refused:
        return {"problem": refused.problem.model_dump(mode="json")}
    except OSError as error:
        return _refusal(ProblemCode.NO_SPACE, f"The file can't be stored: {error.strerror}.")
    return {} if size is None else {"size": size}


def _refusal(code: ProblemCode, message: str) -> Line:
    return {"problem": Problem(code=code, message=message).model_dump(mode="json")}


def _new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(12))


def _node_cores() -> int:
    """The cores that Ray was given on this node, and no more than this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    here = ray.get_runtime_context().get_node_id()
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    given = [node["Resources"].get("CPU", usable) for node in nodes if node["NodeID"] == here]
    return max(1, min(usable, int(given[0]) if given else usable))


def _log_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=1_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


MachineAgent: Any = ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0)(Agent)
