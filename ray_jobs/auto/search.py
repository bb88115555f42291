"""Auto: compare what suits the table, tune the best, combine them, all within a budget."""

from __future__ import annotations

from collections.abc import Generator

from ray_jobs.auto.order import AutoOrder, Found
from ray_jobs.auto.runner import Runner
from ray_jobs.catalogue import Step
from ray_jobs.manifest import RecordedCandidate


def search(order: AutoOrder, runner: Runner) -> Generator[Step, None, Found]:
    """Finds the best model within the budget. Yields at least every two seconds; `Step.leaderboard` is filled whenever
    it has changed. Raises Refused(NOT_LEARNED) where every candidate failed.
    """
    raise NotImplementedError
    yield


def repeat(order: AutoOrder, recorded: tuple[RecordedCandidate, ...], runner: Runner) -> Generator[Step, None, Found]:
    """Fits recorded candidates again with their recorded rounds and weights, without a clock: the same model. Raises
    Refused.
    """
    raise NotImplementedError
    yield
