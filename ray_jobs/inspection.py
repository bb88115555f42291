"""Looking at a table before a job: what the form card shows."""

from __future__ import annotations

from ray_jobs.place import Place
from ray_jobs.problems import clip
from ray_jobs.reading.source import read_table
from ray_jobs.reading.table import Table
from ray_jobs.schema import describe, facts
from ray_jobs.spec import Data, DataFacts
from ray_jobs.target import target_of

_MOST_COLUMNS = 2000


def inspect_data(place: Place, data: Data, target: str | None) -> DataFacts:
    """The facts of the table, and of the target where one is named. Raises Refused."""
    with read_table(place, data) as table:
        return _facts(table, target)


def _facts(table: Table, target: str | None) -> DataFacts:
    frame = table.frame
    notes = [*table.warnings]
    if frame.shape[1] > _MOST_COLUMNS:
        notes.append(f"The table has {frame.shape[1]} columns; the first {_MOST_COLUMNS} are listed.")
    columns = tuple(facts(frame[name], describe(frame[name]).kind) for name in frame.columns[:_MOST_COLUMNS])
    told = {"path": table.file.shown, "bytes": table.file.size, "rows": len(frame), "columns": columns}
    if target:
        found = target_of(frame, target, None)
        notes += found.warnings
        told |= {
            "target": target.strip(),
            "task": found.task,
            "classes": len(found.classes.labels) if found.classes else None,
        }
    return DataFacts.model_validate({**told, "warnings": tuple(clip(note, 2000) for note in notes)[:20]})
