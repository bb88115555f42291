"""What the model card is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ray_jobs.catalogue import descriptions
from ray_jobs.evaluation import Evaluation
from ray_jobs.schema import Column
from ray_jobs.spec import TrainResult, TrainSpec


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What the card tells. Everything in it may be hostile: names come from files."""

    result: TrainResult  #: as it will be told; its pictures are read from `folder`
    spec: TrainSpec  #: as it was asked for
    data: str  #: the plain name of the file
    data_hash: str = ""
    columns: tuple[Column, ...]  #: what the model needs
    evaluation: Evaluation | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)  #: all of the model's, defaults too
    created: float  #: seconds since 1970
    versions: Mapping[str, str] = field(default_factory=dict)  #: of Python and of the libraries
    folder: Path | None = None  #: where the pictures of `result` lie; None: the card has none


def model_title(model: str) -> str:
    """ "Random forest" for random_forest."""
    return next((entry.title for entry in descriptions() if entry.name == model), model)
