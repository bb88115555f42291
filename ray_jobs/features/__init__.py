"""Preprocessing, suited to the family of the model, always fitted on training rows and saved inside the model.

The rules are those of skrub's `tabular_pipeline`: boosting takes categories as codes that it knows to be categories,
gaps and scales as they are; trees take ordinal codes, the unknown as -1; linear models, networks and whatever measures
distances get gaps filled and marked, a column for each category, everything scaled.

Nothing here knows of the rest of ray_jobs, so a model can be taken elsewhere with this package alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ray_jobs.features.binning import Bins
from ray_jobs.features.categories import Codes, Indicators, TargetMeans
from ray_jobs.features.dates import DateParts
from ray_jobs.features.scaling import Scaler
from ray_jobs.features.table import TableFeatures
from ray_jobs.features.targets import TargetScale, learned_scale
from ray_jobs.features.texts import TextParts

if TYPE_CHECKING:
    from ray_jobs.schema import Column

__all__ = [
    "Bins",
    "Codes",
    "DateParts",
    "Family",
    "Indicators",
    "Scaler",
    "TableFeatures",
    "TargetMeans",
    "TargetScale",
    "TextParts",
    "category_count",
    "learned_scale",
    "preprocessing",
]

Family = Literal["boosting", "forest", "linear"]

#: HistGradientBoosting takes 255 categories of a column at most.
CODES_AT_MOST = 250
#: A category column becomes at most so many columns of zeros and ones, all of them together at most `_COLUMNS_AT_MOST`,
#: so that a wide table does not explode.
_INDICATORS_AT_MOST, _COLUMNS_AT_MOST = 50, 1000
#: And where it has more categories, the commonest get one each, all are told by the target's mean.
_COMMONEST = 30


def preprocessing(
    columns: tuple[Column, ...],
    family: Family,
    *,
    dtype: Literal["float64", "float32"] = "float64",
    order: Literal["C", "F"] | None = None,
    squash: bool = True,
    classes: int | None = None,
    at_most: int = CODES_AT_MOST,
) -> TableFeatures:
    """An unfitted transformer from a conformed frame to a matrix; category columns stand first (`category_count`).

    order: of the matrix; None: what suits the family. squash: draw far values in, where everything is scaled.
    classes: of the target, 0 for a number, where categories may be encoded by it; then `fit` needs it.
    """
    names: dict[str, list[str]] = {"category": [], "number": [], "date": [], "text": []}
    for column in columns:
        if column.kind != "constant":
            names["number" if column.kind == "boolean" else column.kind].append(column.name)
    scaled = family == "linear"
    coder: Codes | Indicators
    if scaled:
        fewest = max(3, min(_INDICATORS_AT_MOST, _COLUMNS_AT_MOST // max(1, len(names["category"]))))
        coder = Indicators(at_most=fewest, few=min(fewest, _COMMONEST), classes=classes)
    elif family == "boosting":
        coder = Codes(at_most=at_most, unknown=float("nan"), missing=float("nan"))
    else:
        coder = Codes(at_most=at_most, unknown=-1.0, missing=-2.0)
    return TableFeatures(
        numbers=names["number"],
        categories=names["category"],
        dates=names["date"],
        texts=names["text"],
        coder=coder,
        scaler=Scaler(squash=squash) if scaled else None,
        periodic=scaled,
        dtype=dtype,
        # Trees go through a matrix column by column, all others row by row.
        order=order or ("C" if scaled else "F"),
    )


def category_count(columns: tuple[Column, ...]) -> int:
    """How many leading columns of a boosting or forest matrix are category codes."""
    return sum(column.kind == "category" for column in columns)
