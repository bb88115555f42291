"""Learning from a random sample that fits in memory, with the entry's own fit."""

from __future__ import annotations

from ray_jobs.streaming.work import SURVEYED, Learned, Learning, Work, within


def learn(work: Work) -> Learning:
    """Fits the order's entry on the sample of the training rows."""
    model = yield from within(work.order.entry.fit(work.training), SURVEYED, 1.0, work.watch)
    return Learned(model=model, rows=len(work.frame), how=_how(work))


def _how(work: Work) -> str:
    rows, total = len(work.frame), work.survey.rows_train
    if rows == total:
        return f"Read in batches; learned from all {total:,} training rows."
    return (
        f"The table does not fit in memory: {work.order.entry.title} learned from {rows:,} of the {total:,} training "
        "rows, chosen at random from all over the table."
    )
