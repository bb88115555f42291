"""The Ray remote tasks: train and predict as a stream of plain events, inspection, and warming a worker.

Nothing heavy is imported before `started` was sent. What goes back are dicts, lists, strings and numbers only.
"""

from __future__ import annotations

import errno
import importlib
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from ray_jobs.observe import sealed
from ray_jobs.order import Order
from ray_jobs.place import Place
from ray_jobs.problems import Refused, clip
from ray_jobs.shortening import shortened
from ray_jobs.spec import WORK, Problem, ProblemCode

Line = dict[str, Any]

#: Where a failed event carries what the machine's log is to have; the agent takes it out.
LOG = "log"

#: Each has a generator function named like the kind, which takes an Order, yields Steps and returns the result.
_MODULES = {
    "train": "ray_jobs.train",
    "compare": "ray_jobs.train",
    "predict": "ray_jobs.predict",
    "profile": "ray_jobs.profiling",
    "export": "ray_jobs.export",
}


def run_job(order: Line) -> Iterator[Line]:
    """Does one job. `order`: job_id, model_id, spec, place, threads, pin. Yields events without number and time."""
    yield {"kind": "started", **_where()}
    place = Place.model_validate(order["place"])
    try:
        with memory_limit(place.memory):
            yield from _steps(order, place)
    except Exception as error:
        yield failed(error)
    except KeyboardInterrupt:
        # A cancel. It can strike in the middle of an import, and a library that is half loaded stays so for every later
        # job of this worker (seen with pandas); so the worker goes too, and the agent warms another.
        os._exit(1)


def _where() -> Line:
    here = ray.get_runtime_context()
    return {
        "node_ip": str(ray.util.get_node_ip_address()),  # type: ignore[no-untyped-call]
        "sealed": sealed(),
        "ray_job": here.get_job_id(),
        "ray_task": here.get_task_id() or "",
    }


def _steps(order: Line, place: Place) -> Iterator[Line]:
    spec: Any = WORK.validate_python(order["spec"])  # its kind is told by _MODULES
    given = {name: order[name] for name in ("job_id", "model_id", "threads", "pin")}
    work = getattr(importlib.import_module(_MODULES[spec.kind]), spec.kind)
    steps = work(Order(spec=spec, place=place, **given))
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            yield {"kind": "completed", "result": shortened(end.value).model_dump(mode="json")}
            return
        event = {"kind": "progress", "step": clip(step.name), "metrics": dict(step.metrics)}
        if step.fraction is not None:
            event["fraction"] = min(1.0, step.fraction)
        if step.leaderboard:
            event["leaderboard"] = [line.model_dump(mode="json") for line in step.leaderboard]
        yield event


def inspect_table(order: Line) -> Line:
    """{"facts": ...} or {"problem": ...}. `order`: data, target, place."""
    from pydantic import TypeAdapter

    from ray_jobs.inspection import inspect_data
    from ray_jobs.spec import Data

    place = Place.model_validate(order["place"])
    try:
        with memory_limit(place.memory):
            data = TypeAdapter[Data](Data).validate_python(order["data"])
            return {"facts": inspect_data(place, data, order["target"]).model_dump(mode="json")}
    except Exception as error:
        event = failed(error)
        return {"problem": event["problem"], **({LOG: event[LOG]} if LOG in event else {})}


def warm_worker() -> bool:
    """Imports what most jobs need, so that the next job of this worker starts within milliseconds."""
    modules = ("inspection", "train", "predict", "features", "store")
    for name in ("skops.io", "sklearn.ensemble", "sklearn.linear_model", *(f"ray_jobs.{name}" for name in modules)):
        importlib.import_module(name)
    return True


def failed(error: Exception) -> Line:
    """The failed event of an exception: a refusal as it is, a lack of memory or space by name, anything else as a
    crash.
    """
    if isinstance(error, Refused):
        return {"kind": "failed", "problem": error.problem.model_dump(mode="json")}
    if isinstance(error, MemoryError):
        problem = Problem(code=ProblemCode.OUT_OF_MEMORY, message="The job needed more memory than it may use.")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        problem = Problem(code=ProblemCode.NO_SPACE, message="The disk is full.")
    else:
        problem = Problem(
            code=ProblemCode.CRASHED, message=f"The job stopped on an error of Hayride's ({_kind(error)})."
        )
        # Without the exception's own text: it can quote values from the table, and the log holds no data.
        frames = traceback.extract_tb(error.__traceback__)
        where = "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return {"kind": "failed", "problem": problem.model_dump(mode="json"), LOG: _kind(error) + where}
    return {"kind": "failed", "problem": problem.model_dump(mode="json")}


def _kind(error: Exception) -> str:
    return type(error).__name__


@contextmanager
def memory_limit(budget: int | None) -> Iterator[None]:
    """Lets this process take `budget` bytes more than it has; beyond that MemoryError, instead of the kernel's
    killer. macOS takes no limit below the address space that it reserves, so there is none there.
    """
    if budget is None or sys.platform == "darwin":
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _data_bytes() + budget
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _data_bytes() -> int:
    """Private writable memory of this process: what RLIMIT_DATA counts on Linux. 0 elsewhere."""
    try:
        with open("/proc/self/status") as status:
            sizes = [line.split()[1] for line in status if line.startswith("VmData:")]
        return int(sizes[0]) * 1024
    except (OSError, IndexError):
        return 0


#: max_retries=0: a job that was half done must not silently begin again.
_JOB: dict[str, Any] = {"num_returns": "streaming", "max_retries": 0, "num_cpus": 1}
run_job_task: Any = ray.remote(**_JOB)(run_job)
#: Its worker ends with it: TensorFlow's 640 MB do not stay with a worker that later jobs share.
run_job_alone_task: Any = ray.remote(max_calls=1, **_JOB)(run_job)
#: No CPU of their own: a card must not wait for a training.
inspect_task: Any = ray.remote(max_retries=0, num_cpus=0)(inspect_table)
warm_task: Any = ray.remote(max_retries=0, num_cpus=0)(warm_worker)
