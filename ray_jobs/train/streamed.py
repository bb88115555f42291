"""Learning from a table that would not fit: what a sample tells, then all rows batch by batch."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack

from ray_jobs.catalogue import Entry, Parameters, Step, check_task
from ray_jobs.place import disk_used
from ray_jobs.profiling import choose_features
from ray_jobs.reading.source import Source, open_source
from ray_jobs.spec import FileSplit
from ray_jobs.streaming import StreamOrder, streamed_entry, train_streamed
from ray_jobs.target import target_column, target_of
from ray_jobs.train.learned import Learned
from ray_jobs.train.order import TrainOrder
from ray_jobs.train.preparing import told_findings

#: Share of the time limit that judging and saving get.
_LEFT = 0.15


def learn_streamed(
    order: TrainOrder,
    source: Source,
    entry: Entry | None,
    parameters: Parameters | None,
    budget: int,
    limit: float,
) -> Generator[Step, None, Learned]:
    """The columns and the target's task and classes come from a sample. `budget`: bytes. `limit`: `time.monotonic()` at
    which the job is ended; the learning stops before, with what there is. Raises Refused.
    """
    spec, place = order.spec, order.place
    sample = source.sample()
    name = str(target_column(sample, spec.target).name)
    target = target_of(sample, name, spec.task)
    columns, left_out = choose_features(sample, name, spec.include, spec.exclude)
    chosen = entry or streamed_entry(spec.model)
    check_task(chosen, target.task, name)
    notes = ["The table is streamed, so no folds were made."] if spec.folds else []
    notes += [*left_out, *told_findings(sample, target, columns, source.rows()[0])]
    with ExitStack() as open_sources:
        split = spec.split
        other = open_sources.enter_context(open_source(place, split.data)) if isinstance(split, FileSplit) else None
        streamed = yield from train_streamed(
            StreamOrder(
                source=source,
                sample=sample,
                target=name,
                columns=columns,
                task=target.task,
                classes=target.classes,
                entry=chosen,
                parameters=parameters or chosen.parameters(),
                split=split,
                test_source=other,
                seed=spec.seed,
                threads=order.threads,
                memory=budget,
                scratch=place.job(order.job_id) / "unfinished-stream",
                disk=max(0, place.quota - disk_used(place.folder)),
                automatic=entry is None,
                deadline=limit - _LEFT * spec.time_limit,
            )
        )
    return Learned(
        model=streamed.model,
        columns=columns,
        target=name,
        task=target.task,
        classes=streamed.classes,
        rows_train=streamed.rows_train,
        rows_test=streamed.rows_test,
        train_frame=streamed.train_frame,
        train_values=streamed.train_values,
        test_frame=streamed.test_frame,
        test_values=streamed.test_values,
        notes=(*source.warnings, *notes, *streamed.warnings),  # the reader warns of what it met on the way
        parameters=(parameters or chosen.parameters()).model_dump(),
        how=streamed.how,
        data_name=source.name,
    )
