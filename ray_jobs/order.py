"""A job's spec with what the agent adds: its ids, where it lies, and how much of the machine it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ray_jobs.place import Place
from ray_jobs.spec import CompareSpec, ExportSpec, PredictSpec, ProfileSpec, TrainSpec

AnySpec = TypeVar("AnySpec", TrainSpec, CompareSpec, PredictSpec, ProfileSpec, ExportSpec)


@dataclass(frozen=True, kw_only=True)
class Order(Generic[AnySpec]):
    """One job as its task sees it."""

    spec: AnySpec
    place: Place
    job_id: str
    threads: int
    model_id: str = ""  #: of the model that a training makes
    pin: Mapping[str, float] = field(default_factory=dict)  #: the Ray resources that hold a task to this machine
