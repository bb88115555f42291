"""Tables in memory that are read like files, and orders to learn from them."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ray_jobs.catalogue import Step, entry_of
from ray_jobs.memory import give_back, resident
from ray_jobs.profiling import choose_features
from ray_jobs.schema import Column, conform
from ray_jobs.spec import RandomSplit, Task
from ray_jobs.streaming import Streamed, StreamOrder, train_streamed
from ray_jobs.target import target_of


class FrameSource:
    """A frame as a RowSource. It counts how often it was read."""

    def __init__(self, frame: pd.DataFrame, piece: int = 65_536) -> None:
        self.frame = frame
        self.piece = piece
        self.readings = 0

    @property
    def bytes(self) -> int:
        return 80 * len(self.frame)

    def rows(self) -> tuple[int, bool]:
        return len(self.frame), False

    def batches(self, columns: tuple[Column, ...] | None = None, rows: int = 65_536) -> Iterator[pd.DataFrame]:
        self.readings += 1
        size = min(rows, self.piece)
        for begin in range(0, len(self.frame), size):
            some = self.frame.iloc[begin : begin + size].reset_index(drop=True)
            if columns is None:
                yield some
                continue
            made, _ = conform(some, columns)
            numbers = [column.name for column in columns if column.kind in ("number", "boolean")]
            yield made.astype(dict.fromkeys(numbers, np.float64))


def order_for(
    frame: pd.DataFrame,
    target: str,
    model: str,
    scratch: Path,
    *,
    parameters: dict[str, Any] | None = None,
    memory: int = 400_000_000,
    task: Task | None = None,
    source: Any = None,
    **given: Any,
) -> StreamOrder:
    """`memory`: bytes beyond what this process has already."""
    known = target_of(frame, target, task)
    entry = entry_of(model)
    settings: dict[str, Any] = {"split": RandomSplit(), "seed": 0, "threads": 1, "disk": 10**9, **given}
    return StreamOrder(
        source=source or FrameSource(frame),
        target=target,
        columns=choose_features(frame, target, (), ())[0],
        sample=frame,
        task=known.task,
        classes=known.classes,
        entry=entry,
        parameters=entry.parameters.model_validate(parameters or {}),
        memory=settled() + memory,
        scratch=scratch / "scratch",
        **settings,
    )


def settled() -> int:
    """Bytes that this process has, once what earlier tests left behind is given back: it must not look like room."""
    gc.collect()
    give_back()
    return resident()


def run(order: StreamOrder) -> tuple[Streamed, list[Step]]:
    """The result and the steps on the way."""
    steps: Generator[Step, None, Streamed] = train_streamed(order)
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return end.value, told
