"""Whether a table has what a model needs: asked of a sample, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ray_jobs.manifest import Manifest, Seen
from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.problems import Refused, clip, listed, nearest
from ray_jobs.schema import Column, Kind, as_text, conform
from ray_jobs.spec import ProblemCode
from ray_jobs.target import Classes

#: Of a column's known values so many may not be of the training type; more, and it is another column.
_MOST_STRANGE = 0.5


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How the columns of a table serve a model."""

    columns: tuple[Column, ...]  #: in the model's order, by the table's names
    names: Mapping[str, str]  #: the table's name -> the model's
    target: Column | None = None  #: where the table has it; of the kind as which it is compared with the labels

    @property
    def read(self) -> tuple[Column, ...]:
        """What has to be read."""
        return (*self.columns, self.target) if self.target else self.columns


def fitted(names: Sequence[str], sample: pd.DataFrame, manifest: Manifest, notes: Notes) -> Fitting:
    """Finds the model's columns among `names` and looks at their values in `sample`. Raises Refused(COLUMN_MISSING,
    COLUMN_TYPE).
    """
    found = found_columns(names, manifest, notes)
    missing = [column.name for column in manifest.columns if column.name not in found]
    if missing:
        raise Refused(
            ProblemCode.COLUMN_MISSING,
            f"The model needs the column{'s' if len(missing) > 1 else ''} {listed(missing)}, "
            "which the file does not have.",
            subject=clip(", ".join(missing), 2000),
            suggestions=dict.fromkeys(name for wanted in missing for name in nearest(wanted, names, 1)),
        )
    columns = tuple(column.model_copy(update={"name": found[column.name]}) for column in manifest.columns)
    fitting = Fitting(
        columns=columns,
        names={there: ours for ours, there in found.items() if ours != manifest.target},
        target=target_in(found, manifest),
    )
    _check_types(sample, fitting, manifest)
    extra = [name for name in names if name not in fitting.names and name != found.get(manifest.target)]
    if extra:
        notes.add(Weight.ASIDE, f"Not used by the model, and kept in the result: {listed(extra)}.")
    return fitting


def found_columns(names: Sequence[str], manifest: Manifest, notes: Notes) -> dict[str, str]:
    """The model's columns and its target -> the table's names. A name that differs in upper and lower case alone is
    taken, where just one does.
    """
    found = {column.name: column.name for column in manifest.columns if column.name in names}
    if manifest.target in names:
        found[manifest.target] = manifest.target
    folded: dict[str, list[str]] = {}
    for name in names:
        if name not in found:
            folded.setdefault(name.casefold(), []).append(name)
    near = {}
    for wanted in (*(column.name for column in manifest.columns), manifest.target):
        alike = folded.get(wanted.casefold(), [])
        if wanted not in found and len(alike) == 1:
            near[wanted] = alike[0]
            folded[wanted.casefold()] = []
    if near:
        notes.add(
            Weight.COLUMNS, f"Taken for the model's columns, though written differently: {listed(near.values())}."
        )
    return {**found, **near}


def target_in(found: Mapping[str, str], manifest: Manifest) -> Column | None:
    """The target's column, read as what its labels are."""
    if manifest.target not in found:
        return None
    return Column(name=found[manifest.target], kind=_kind_of(manifest.classes))


def _kind_of(classes: Classes | None) -> Kind:
    if classes is None or all(
        isinstance(label, int | float) and not isinstance(label, bool) for label in classes.labels
    ):
        # As numbers, which are floats, large labels would become one.
        large = classes and any(isinstance(label, int) and abs(label) >= 2**53 for label in classes.labels)
        return "category" if large else "number"
    return "boolean" if all(isinstance(label, bool) for label in classes.labels) else "category"


def _check_types(sample: pd.DataFrame, fitting: Fitting, manifest: Manifest) -> None:
    seen = {column.name: column for column in manifest.seen}
    for column in fitting.columns:
        values = sample[column.name]
        known = _known(values)
        if not known.any():
            continue
        if column.kind in ("number", "boolean", "date"):
            converted = conform(values.to_frame(), (column,))[0][column.name]
            strange = float((converted.isna() & known).sum() / known.sum())
            if strange > _MOST_STRANGE or (column.kind != "date" and _is_date(values)):
                raise _another(column, manifest, strange)
        elif _holds_other_things(values[known], column, seen.get(fitting.names[column.name])):
            raise _another(column, manifest, 1.0)


def _known(values: pd.Series) -> pd.Series:
    """Where there is a value. An infinite number is none: training counts it as missing."""
    known: pd.Series = values.notna()
    return known & ~np.isinf(values) if pd.api.types.is_float_dtype(values.dtype) else known


def _is_date(values: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(values.dtype)


def _holds_other_things(values: pd.Series, column: Column, seen: Seen | None) -> bool:
    """Whether a category column has become numbers or dates, and none of them was ever a category of it."""
    if column.kind != "category" or seen is None or not seen.categories or not seen.complete:
        return False
    if not _is_date(values) and not pd.api.types.is_numeric_dtype(values.dtype):
        return False
    return not as_text(values).isin([name for name, _ in seen.categories]).any()


_CALLED: dict[str, str] = {
    "number": "numbers",
    "boolean": "true and false",
    "date": "dates",
    "category": "categories",
    "text": "text",
}


def _another(column: Column, manifest: Manifest, share: float) -> Refused:
    share_told = "none of its values is" if share > 0.995 else f"{share:.0%} of its values are not"
    form = f" written like {column.date_format}" if column.date_format and column.date_format != "ISO8601" else ""
    one = " one of those" if share > 0.995 else ""
    return Refused(
        ProblemCode.COLUMN_TYPE,
        f"Column '{clip(column.name, 80)}' held {_CALLED.get(column.kind, column.kind)}{form} in training; here "
        f"{share_told}{one}, so what the model said would be wrong.",
        subject=column.name,
    )
