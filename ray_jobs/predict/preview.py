"""The first rows of a result as text, the answers first."""

from __future__ import annotations

from ray_jobs.predict.answers import Added
from ray_jobs.predict.kept import Kept, first_rows
from ray_jobs.problems import clip
from ray_jobs.spec import Preview

_ROWS = 10
_COLUMNS = 100


def preview(names: tuple[str, ...], kept: Kept, added: Added) -> Preview:
    """Of the first piece of a table whose columns are `names`."""
    shown = []
    for number, row in enumerate(first_rows(kept, _ROWS)):
        values = [*(_short(column[number]) for column in added.values()), *row]
        shown.append(tuple(clip(value) for value in values[:_COLUMNS]))
    return Preview(columns=tuple(clip(name) for name in [*added, *names][:_COLUMNS]), rows=tuple(shown))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
