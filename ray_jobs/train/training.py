"""The job, from the file to the result."""

from __future__ import annotations

import time
from collections.abc import Generator

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.catalogue import AUTO, Entry, Parameters, Step, check_task, checked_parameters, entry_of
from ray_jobs.cores import Moment, free_cores, moment
from ray_jobs.memory import PeakMemory, give_back, memory_budget, resident, training_memory
from ray_jobs.problems import Refused
from ray_jobs.reading.source import Source, open_source
from ray_jobs.spec import ProblemCode, TrainResult
from ray_jobs.train.fitting import Folds, collected_warnings, find_best, fit_entry, scaled
from ray_jobs.train.keeping import Kept, keep
from ray_jobs.train.learned import Learned
from ray_jobs.train.order import TrainOrder
from ray_jobs.train.preparing import prepare
from ray_jobs.train.streamed import learn_streamed

Learning = Generator[Step, None, Learned]
#: Where on the whole way a part of the work begins.
_FITTING, _JUDGING = 0.1, 0.85


def train(order: TrainOrder) -> Generator[Step, None, TrainResult]:
    """Trains one model and returns the result; yields the steps of the work. Raises Refused; anything else is a bug."""
    begun, counted, peak = time.monotonic(), moment(), PeakMemory()
    entry, parameters = _chosen(order)
    yield Step(name="reading", fraction=0.0)
    notes: list[str] = []
    with open_source(order.place, order.spec.data) as source, collected_warnings(notes):
        budget = memory_budget(order.place.memory, order.spec.memory)
        if resident() + training_memory(source.memory()) > budget:
            streaming = learn_streamed(order, source, entry, parameters, budget, begun + order.spec.time_limit)
            learned = yield from scaled(streaming, _FITTING, _JUDGING)
        else:
            learned = yield from _learn(order, source, entry, parameters, counted, budget)
        yield Step(name="judging", fraction=_JUDGING)
        data_hash = source.hash()
    took = time.monotonic() - begun
    kept = Kept(learned=learned, notes=(*learned.notes, *notes), data_hash=data_hash, seconds=took, peak=peak.bytes())
    return (yield from scaled(keep(order, kept), _JUDGING, 1.0))


def _chosen(order: TrainOrder) -> tuple[Entry | None, Parameters | None]:
    """The entry and its parameters, checked before anything is read; None for auto."""
    spec = order.spec
    if spec.model == AUTO:
        if spec.parameters:
            raise Refused(
                ProblemCode.BAD_PARAMETER,
                "auto finds the parameters by itself; to set some, choose a model.",
                subject=next(iter(spec.parameters)),
            )
        return None, None
    entry = entry_of(spec.model)
    parameters = checked_parameters(entry, spec.parameters)
    if spec.task:
        check_task(entry, spec.task, spec.target)
    return entry, parameters


def _learn(
    order: TrainOrder,
    source: Source,
    entry: Entry | None,
    parameters: Parameters | None,
    counted: Moment | None,
    budget: int,
) -> Learning:
    """In memory."""
    prepared = prepare(source, order.spec, order.place)
    give_back()  # a table takes twice its size while it is read
    target, notes = prepared.target, [*prepared.notes]
    if entry:
        check_task(entry, target.task, target.name)
    yield Step(name="learning", fraction=_FITTING)
    threads = free_cores(counted, order.threads)
    found = None
    folds = Folds()
    with threadpool_limits(limits=threads):
        if entry and parameters:
            model, folds = yield from scaled(fit_entry(order, entry, parameters, prepared, threads), _FITTING, _JUDGING)
            notes += [*model.notes, *folds.notes]
        else:
            found = yield from scaled(find_best(order, prepared, order.threads, budget), _FITTING, _JUDGING)
            model = found.model
            notes += found.notes
            if order.spec.folds:
                notes.append("auto compares by a cross-validation of its own, so no further folds were made.")
    return Learned(
        model=model,
        columns=prepared.columns,
        target=target.name,
        task=target.task,
        classes=target.classes,
        rows_train=len(prepared.train_values),
        rows_test=len(prepared.test_values),
        train_frame=prepared.train_frame,
        train_values=prepared.train_values,
        test_frame=prepared.test_frame,
        test_values=prepared.test_values,
        notes=tuple(notes),
        parameters=parameters.model_dump() if parameters else {},
        leaderboard=found.leaderboard if found else (),
        recorded=found.recorded if found else (),
        fold_metrics=folds.metrics,
        fold_spread=folds.spread,
        data_name=source.name,
    )
