"""Learning from a random sample that fits in memory, with the entry's own fit."""

from __future__ import annotations

from ray_jobs.catalogue import Step, Training
from ray_jobs.streaming.work import Learned, Learning, Work

_BEGIN, _END = 0.25, 1.0


def learn(work: Work) -> Learning:
    """Fits the order's entry on the sample of the training rows."""
    order = work.order
    training = Training(
        frame=work.frame,
        columns=order.columns,
        values=work.values,
        task=order.task,
        classes=work.class_count,
        parameters=order.parameters,
        seed=order.seed,
        threads=order.threads,
        deadline=order.deadline,
    )
    fitting = order.entry.fit(training)
    while True:
        try:
            step = next(fitting)
        except StopIteration as end:
            return Learned(model=end.value, rows=len(work.frame), how=_how(work))
        fraction = None if step.fraction is None else _BEGIN + (_END - _BEGIN) * step.fraction
        yield Step(name=step.name, fraction=fraction, metrics={**step.metrics, **work.watch.check()})


def _how(work: Work) -> str:
    rows, total = len(work.frame), work.survey.rows_train
    if rows == total:
        return f"Read in batches; learned from all {total:,} training rows."
    return (
        f"The table does not fit in memory: {work.order.entry.title} learned from {rows:,} of the {total:,} training "
        "rows, chosen at random from all over the table."
    )
