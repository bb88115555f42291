"""Looking at a table before a job: what the form card shows."""

from __future__ import annotations

from ray_jobs.place import Place
from ray_jobs.profiling.first_look import first_look
from ray_jobs.reading.source import open_source
from ray_jobs.spec import Data, DataFacts


def inspect_data(place: Place, data: Data, target: str | None) -> DataFacts:
    """The facts of the table, and of the target where one is named. Raises Refused."""
    with open_source(place, data) as source:
        return first_look(place, source, target).facts
