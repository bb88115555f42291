"""Training on a table that is read batch by batch."""

from __future__ import annotations

from collections.abc import Generator

from ray_jobs.catalogue import Step
from ray_jobs.streaming.order import Streamed, StreamOrder


def train_streamed(order: StreamOrder) -> Generator[Step, None, Streamed]:
    """Trains the order's model; yields its steps, with `memory_mb` among the metrics. Raises Refused."""
    raise NotImplementedError
    yield
