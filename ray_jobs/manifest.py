"""What stands beside a model's files: the columns it needs, what it predicts, what made it, and the hashes of its
files.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ray_jobs.schema import Column
from ray_jobs.spec import Frozen, Id, Metrics, Name, Task
from ray_jobs.target import Classes

FORMAT = 1


Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(Frozen):
    """manifest.json of one model."""

    format: int = FORMAT
    model_id: Id
    job_id: Id
    model: Name  #: the catalogue entry
    task: Task
    target: Name
    columns: tuple[Column, ...] = Field(min_length=1)  #: in the order in which the model takes them
    classes: Classes | None = None  #: labels as they were
    rows_train: int = Field(ge=1)
    metrics: Metrics = Field(default_factory=dict)
    seed: int
    data: Name  #: the plain name of the file it was trained on
    data_hash: Hash  #: of that file's bytes
    created: float  #: seconds since the epoch
    versions: dict[Name, Name]  #: of Python and of the libraries that made the files
    files: dict[Name, Hash] = Field(min_length=1)  #: name -> SHA-256
