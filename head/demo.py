"""`hayride demo`: the main job end to end without a person, on this very machine.

A sealed pool, this machine joined through the gateway and the tunnel with a real join token, a model trained, rows
predicted that it has not seen; then everything that was started is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from head import demo_data
from head.api import (
    HEAD,
    Data,
    JobStatus,
    JobView,
    JoinState,
    MachineView,
    PathData,
    PredictResult,
    PredictSpec,
    Spec,
    TrainResult,
    TrainSpec,
)
from head.clock import SystemClock
from head.demo_data import DemoTables
from head.errors import HayrideError
from head.sealed import sealed_or_refused
from head.service import ControlPlane
from head.settings import Settings

#: A join on a machine whose environment stands takes some 7 s; a slow disk or a busy host gets ten times that.
JOIN_SECONDS = 90.0


class DemoFailed(HayrideError):
    """A step of the demo did not come out as it should."""

    code = "demo_failed"


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    data: Path | None
    target: str | None
    model: str
    machine: bool
    budget: int  #: seconds that `auto` may compare and tune
    output: Path  #: for the tables, which the machine is allowed to read, and for what is fetched of the results


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What `--json` prints. `node_ip` and `sealed` were observed from inside the tasks."""

    ok: bool
    machine: str | None
    node_ip: str
    ran_on: str
    sealed: dict[str, bool | None]
    task: str
    model: str
    rows_train: int
    rows_test: int
    metrics: dict[str, float]
    baseline_metrics: dict[str, float]
    predictions_path: str
    picture_path: str | None
    card_path: str | None  #: the model card, fetched
    leaderboard: list[dict[str, object]]  #: of auto: name, model, loss, weight; the best first
    model_id: str
    join_seconds: float | None
    first_event_seconds: float
    train_seconds: float
    predict_seconds: float
    unseen_accuracy: float | None  #: of the predictions, against the answers that were kept back; None for numbers

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Say = Callable[[str], None]


async def demo(settings: Settings, options: DemoOptions, say: Say) -> DemoReport:
    """Runs the whole story. Raises a HayrideError where a step fails; stops what it started in any case."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # or it would leave its boxes behind
    return await _Demo(settings, options, say).run()


class _Demo:
    def __init__(self, settings: Settings, options: DemoOptions, say: Say) -> None:
        self._options = options
        self._say = say
        self._folder = settings.data_dir / "demo"
        private = settings.model_copy(
            update={
                "data_dir": self._folder / "server",
                "listen_host": "127.0.0.1",
                "listen_port": 0,
                "public_url": None,
                "database_url": None,
                "tls_certificate": None,
                "tls_key": None,
                "joining": True,
            }
        )
        self._settings = sealed_or_refused(private, telegram=False, say=say)
        self._clock = SystemClock()

    async def run(self) -> DemoReport:
        tables = await asyncio.to_thread(self._tables)
        self._say(f"Data: {tables.train.name}, target {tables.target}; {len(tables.answers)} rows are kept back.")
        async with self._control_plane() as plane:
            person = (await plane.local_person()).id
            self._say("Starting a pool for you: a Ray head of your own, in a box (some 12 s) ...")
            begun = self._clock.monotonic()
            pool_sealed = await plane.start_pool(person)
            self._say(f"  pool up in {self._clock.monotonic() - begun:.1f} s, {_sealed(pool_sealed)}")
            self._say(f"  Ray dashboard while this runs: {await plane.dashboard_link(person)}")
            async with contextlib.AsyncExitStack() as stack:
                machine, join_seconds = None, None
                if self._options.machine:
                    machine, join_seconds = await stack.enter_async_context(self._machine(plane, person, tables))
                return await self._learn(plane, person, tables, machine, join_seconds, pool_sealed)

    def _tables(self) -> DemoTables:
        options = self._options
        if options.data is None:
            frame, target, name = demo_data.bundled(), demo_data.BUNDLED_TARGET, "breast-cancer"
        else:
            if options.target is None:
                raise DemoFailed("--data was given without --target.", remedy="Name the column to predict.")
            frame, target, name = demo_data.own(options.data, options.target), options.target, options.data.stem
        return demo_data.write(frame, target, self._options.output / "data", name=name)

    @contextlib.asynccontextmanager
    async def _control_plane(self) -> AsyncIterator[ControlPlane]:
        plane = await ControlPlane.open(self._settings, self._clock)
        try:
            await plane.serve()
            self._say(f"Control plane up, gateway at {plane.url}")
            yield plane
        finally:
            self._say("Stopping everything that was started ...")
            await plane.close(stop_pools=True)

    @contextlib.asynccontextmanager
    async def _machine(
        self, plane: ControlPlane, person: str, tables: DemoTables
    ) -> AsyncIterator[tuple[MachineView, float]]:
        offer = await plane.offer_join(person)
        token = offer.command.partition("--token=")[2].split()[0]
        self._say("Joining this machine through the gateway, with a single-use join token ...")
        begun = self._clock.monotonic()
        # The pasted command would first make an environment of its own; this one stands already.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "node_join.cli", "join", "--url", plane.url, "--as-root",
            "--node-python", sys.executable, "--allow", str(tables.train.parent),
            *([] if self._settings.sealing else ["--sealing", "off"]),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"HAYRIDE_NODE_DIR": str(self._folder / "machine")},
        )  # fmt: skip
        assert process.stdin
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
        words: list[str] = []
        reading = asyncio.create_task(self._repeat(process, words))
        try:
            machine = await self._joined(plane, person, offer.offer_id, process, words)
            seconds = self._clock.monotonic() - begun
            self._say(f"  {machine.name} joined in {seconds:.1f} s as {machine.address}, {_sealed(machine.sealed)}")
            yield machine, seconds
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await reading

    async def _repeat(self, process: asyncio.subprocess.Process, words: list[str]) -> None:
        assert process.stdout
        async for line in process.stdout:
            words.append(line.decode(errors="replace").rstrip())
            self._say(f"  [node agent] {words[-1]}")

    async def _joined(
        self, plane: ControlPlane, person: str, offer_id: str, process: asyncio.subprocess.Process, words: list[str]
    ) -> MachineView:
        deadline = self._clock.monotonic() + JOIN_SECONDS
        while self._clock.monotonic() < deadline:
            state, machine = await plane.join_state(person, offer_id)
            if state is JoinState.JOINED and machine is not None:
                return machine
            if process.returncode is not None:
                last = words[-1] if words else "it printed nothing"
                raise DemoFailed(f"The node agent ended with {process.returncode}: {last}")
            await asyncio.sleep(0.05)
        raise DemoFailed(f"This machine did not join within {JOIN_SECONDS:.0f} s.", remedy="Run `hayride doctor`.")

    async def _learn(
        self, plane: ControlPlane, person: str, tables: DemoTables,
        machine: MachineView | None, join_seconds: float | None, pool_sealed: bool,
    ) -> DemoReport:  # fmt: skip
        place = machine.id if machine else HEAD
        data = await self._data(plane, person, tables.train, place)
        facts = await plane.inspect(person, place, data, tables.target)
        self._say(f"{facts.rows} rows, {len(facts.columns)} columns; {tables.target}: {facts.task}")
        for warning in facts.warnings:
            self._say(f"  note: {warning}")
        self._say(f"Training {self._options.model} on {machine.name if machine else 'the head node'} ...")
        train = TrainSpec(
            data=data,
            target=tables.target,
            model=self._options.model,
            budget=self._options.budget,
            time_limit=max(self._settings.train_time_limit, 2 * self._options.budget),
        )
        trained, first_event = await self._job(plane, person, train, place)
        model = trained.result
        assert isinstance(model, TrainResult)
        predict = PredictSpec(
            data=await self._data(plane, person, tables.unseen, place),
            model_id=model.model_id,
            time_limit=self._settings.predict_time_limit,
        )
        self._say(f"Predicting {len(tables.answers)} rows that it has not seen ...")
        predicted, _ = await self._job(plane, person, predict, place)
        result = predicted.result
        assert isinstance(result, PredictResult)
        self._say_scores(model)
        predictions, picture, card = await self._save(plane, trained, predicted)
        return DemoReport(
            ok=True,
            machine=machine.name if machine else None,
            node_ip=trained.node_ip or "",
            ran_on=trained.place_name,
            sealed={"pool": pool_sealed, "machine": trained.sealed if machine else None},
            task=model.task,
            model=model.model,
            rows_train=model.rows_train,
            rows_test=model.rows_test,
            metrics=model.metrics,
            baseline_metrics=model.baseline_metrics,
            predictions_path=result.path if machine else str(predictions),
            picture_path=str(picture) if picture else None,
            card_path=str(card) if card else None,
            leaderboard=[line.model_dump(include={"name", "model", "loss", "weight"}) for line in model.leaderboard],
            model_id=model.model_id,
            join_seconds=join_seconds,
            first_event_seconds=first_event,
            train_seconds=model.train_seconds,
            predict_seconds=result.predict_seconds,
            unseen_accuracy=demo_data.accuracy(predictions, tables.answers) if model.task == "classification" else None,
        )

    async def _data(self, plane: ControlPlane, person: str, path: Path, place: str) -> Data:
        """A path where the machine has the file; else the file is sent, as a person would send it in the chat."""
        if place != HEAD:
            return PathData(path=str(path))
        return await plane.send_file(person, path)

    async def _job(self, plane: ControlPlane, person: str, spec: Spec, place: str) -> tuple[JobView, float]:
        """Follows a job to its end, saying each new step; and the seconds from its submission to its first event."""
        begun = self._clock.monotonic()
        job = await plane.submit(person, spec, place, request=f"demo-{time.time_ns()}")
        first_event, shown = 0.0, ""
        async for view in plane.follow(job):
            job = view
            if not first_event and (job.started or job.status.ended):
                first_event = self._clock.monotonic() - begun
            step = job.progress.step if job.progress else ""
            if step and step != shown:
                shown = step
                self._say(f"  {job.status.value}: {step}")
        if job.status is not JobStatus.COMPLETED:
            why = job.problem.message if job.problem else str(job.end_reason)
            raise DemoFailed(f"The {job.spec.kind} job ended as {job.status.value}: {why}")
        return job, first_event

    def _say_scores(self, model: TrainResult) -> None:
        rows = f"{model.rows_test} rows held out of the training (it learned from {model.rows_train})"
        self._say(f"Result on {rows}, beside simple guessing:")
        for name, value in model.metrics.items():
            guess = model.baseline_metrics.get(name)
            beside = f"   guessing {guess:>8.3f}" if guess is not None else ""
            self._say(f"  {name:<18}{value:>8.3f}{beside}")
        for line in model.leaderboard[:8]:
            loss = "no result" if line.loss is None else f"{line.loss:.4f}"
            self._say(f"  {line.name:<28} loss {loss}" + (f", {line.weight:.0%} of the model" if line.weight else ""))

    async def _fetch(self, plane: ControlPlane, job: JobView, name: str) -> Path:
        """Copies a file of a job out of its box: nothing outside opens a path that a box can write."""
        target = self._options.output / "results" / f"{job.id}-{Path(name).name}"
        await plane.job_file(job.person_id, job.id, name, target)
        return target

    async def _save(
        self, plane: ControlPlane, trained: JobView, predicted: JobView
    ) -> tuple[Path, Path | None, Path | None]:
        """Predictions, first picture and model card, fetched."""
        model, result = trained.result, predicted.result
        assert isinstance(model, TrainResult)
        assert isinstance(result, PredictResult)
        predictions = await self._fetch(plane, predicted, result.file)
        self._say(f"Model {model.model_id} and predictions lie on {trained.place_name}: {result.path}")
        self._say(f"Predictions, fetched: {predictions}")
        pictures = [await self._fetch(plane, trained, name) for name in model.pictures]
        for picture in pictures:
            self._say(f"Picture, fetched: {picture}")
        card = await self._fetch(plane, trained, model.card) if model.card else None
        if card:
            self._say(f"Model card, fetched: {card}")
        return predictions, pictures[0] if pictures else None, card


def _sealed(sealed: bool | None) -> str:
    return "sealed" if sealed else "UNSEALED (see `hayride doctor`)"
