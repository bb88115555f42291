"""One machine's share of a training's candidates: read and split as in the training, compared, and nothing kept."""

from __future__ import annotations

from collections.abc import Generator

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.catalogue import Step
from ray_jobs.memory import give_back, memory_budget, resident, training_memory
from ray_jobs.order import Order
from ray_jobs.problems import Refused
from ray_jobs.reading.source import open_source
from ray_jobs.spec import CompareResult, CompareSpec, ProblemCode
from ray_jobs.train.fitting import collected_warnings, compare_share, scaled
from ray_jobs.train.order import TrainOrder
from ray_jobs.train.preparing import prepare

#: Where on the whole way the comparing begins.
_COMPARING = 0.1


def compare(order: Order[CompareSpec]) -> Generator[Step, None, CompareResult]:
    """Raises Refused, also where the table would have to be streamed: there is nothing to compare then."""
    spec, place = order.spec.training, order.place
    training = TrainOrder(spec=spec, place=place, job_id=order.job_id, threads=order.threads, pin=order.pin)
    yield Step(name="reading", fraction=0.0)
    with open_source(place, spec.data) as source, collected_warnings([]):
        memory = memory_budget(place.memory, spec.memory)
        if resident() + training_memory(source.memory()) > memory:
            raise Refused(ProblemCode.OUT_OF_MEMORY, "The table is too large to compare models on it in memory.")
        prepared = prepare(source, spec, place)
        give_back()  # as in a training
        data_hash = source.hash()
    share = compare_share(training, prepared, memory, order.spec.share, order.spec.shares)
    with threadpool_limits(limits=order.threads):
        judged = yield from scaled(share, _COMPARING, 1.0)
    return CompareResult(data_hash=data_hash, leaderboard=judged)
