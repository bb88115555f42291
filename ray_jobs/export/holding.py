"""What a fitted model holds of the rows that it learned from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ray_jobs.manifest import Manifest
from ray_jobs.models import FittedModel

#: Attributes of scikit-learn's estimators that keep training rows as they were, or as they were prepared.
_ROWS = {"_fit_X", "X_fit_", "X_train_", "support_vectors_"}
#: And that keep values of the table.
_VALUES = {"categories_", "vocabulary_"}


def held(manifest: Manifest, model: FittedModel) -> str:
    """In words; "" where the model holds numbers of its own making only."""
    names = set(_attributes(model, set()))
    if names & _ROWS:
        return "rows that it learned from"
    # Every preprocessing keeps the categories of its columns, in whatever form.
    if names & _VALUES or any(column.kind == "category" for column in manifest.columns):
        return "values of the columns that it learned from"
    return ""


def _attributes(thing: Any, seen: set[int]) -> Iterator[str]:
    """The names of all attributes that hold something, at any depth."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, dict):
        parts = list(thing.values())
    elif isinstance(thing, list | tuple):
        parts = list(thing)
    else:
        attributes = getattr(thing, "__dict__", {})
        for name, value in attributes.items():
            # A coder of no columns holds an empty list.
            if not (isinstance(value, list | tuple | dict) and not value) and value is not None:
                yield name
        parts = list(attributes.values())
    for part in parts:
        if hasattr(part, "__dict__") or isinstance(part, dict | list | tuple):
            yield from _attributes(part, seen)
