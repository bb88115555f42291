"""Preprocessing, suited to the family of the model, always fitted on training rows and saved inside the model.

The rules are skrub's: boosting takes categories as codes that it knows to be categories, gaps and scales as they are;
a forest takes ordinal codes; linear models and networks get gaps filled and marked, one column for each category,
everything scaled. A category that training never saw has no column, or the code of the rare ones, or counts as
missing: it is never an error.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ray_jobs.schema import Column

Family = Literal["boosting", "forest", "linear"]

#: HistGradientBoosting takes 255 categories of a column at most.
_CODES_AT_MOST = 250
#: One-hot columns for each category column, so that a wide table does not explode.
_COLUMNS_AT_MOST = 50
_TEXT_PARTS = 16
_TEXT_SAMPLE = 20_000
_MISSING = -2.0
_DATE_PARTS = ("year", "month", "day", "day_of_week", "hour", "minute")


class Codes(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Category columns to numbers: the commonest first, then one code for all rare ones, `unknown` for the never
    seen.
    """

    def __init__(self, *, at_most: int, unknown: float, missing: float) -> None:
        self.at_most = at_most
        self.unknown = unknown
        self.missing = missing

    def fit(self, frame: pd.DataFrame, y: object = None) -> Codes:
        self.categories_: list[list[str]] = []
        self.has_rare_: list[bool] = []
        for name in frame.columns:
            counts = frame[name].value_counts()
            self.categories_.append([str(value) for value in counts.index[: self.at_most]])
            self.has_rare_.append(len(counts) > self.at_most)
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        coded = np.empty(frame.shape, dtype=np.float64)
        for number, (categories, has_rare) in enumerate(zip(self.categories_, self.has_rare_, strict=True)):
            column = frame.iloc[:, number]
            found = pd.Index(categories, dtype="str").get_indexer(pd.Index(column)).astype(np.float64)
            found[found < 0] = len(categories) if has_rare else self.unknown
            found[column.isna().to_numpy()] = self.missing
            coded[:, number] = found
        return coded


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Date columns to the parts that vary in training, and the days since 1970."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> DateParts:
        self.parts_: list[list[str]] = [
            [part for part in _DATE_PARTS if getattr(frame[name].dt, part).nunique() > 1] for name in frame.columns
        ]
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        found: list[NDArray[np.float64]] = []
        for number, parts in enumerate(self.parts_):
            dates = frame.iloc[:, number].dt
            found += [getattr(dates, part).to_numpy(dtype=np.float64, na_value=np.nan) for part in parts]
            since = (frame.iloc[:, number] - pd.Timestamp(0)) / pd.Timedelta(days=1)
            found.append(np.asarray(since, dtype=np.float64))
        return np.column_stack(found)


class TextParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Text columns to a few dense numbers each: hashed words, weighted by rarity, reduced; and the length."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> TextParts:
        self.steps_: list[Pipeline] = []
        for name in frame.columns:
            texts = frame[name].fillna("")
            texts = texts.sample(min(len(texts), _TEXT_SAMPLE), random_state=0)
            words = HashingVectorizer(n_features=2**12, alternate_sign=False, dtype=np.float32)
            parts = min(_TEXT_PARTS, max(1, len(texts) - 1))
            steps = make_pipeline(words, TfidfTransformer(), TruncatedSVD(parts, random_state=0))
            # Texts without a single word have no variance to share out; the division's warning says no more.
            with np.errstate(divide="ignore", invalid="ignore"):
                self.steps_.append(steps.fit(texts))
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        found: list[NDArray[np.float64]] = []
        for number, steps in enumerate(self.steps_):
            texts = frame.iloc[:, number].fillna("")
            parts = np.asarray(steps.transform(texts), dtype=np.float64)
            found.append(np.column_stack([parts, texts.str.len().to_numpy(dtype=np.float64)]))
        return np.column_stack(found)


def preprocessing(columns: tuple[Column, ...], family: Family) -> Any:
    """An unfitted transformer from a conformed frame to a matrix; category columns stand first (`category_count`)."""
    names: dict[str, list[str]] = {"category": [], "number": [], "date": [], "text": []}
    for column in columns:
        names["number" if column.kind == "boolean" else column.kind].append(column.name)
    steps = [(kind, _step(kind, family), names[kind]) for kind in names if names[kind]]
    return ColumnTransformer(steps, sparse_threshold=0.0, verbose_feature_names_out=False)


def category_count(columns: tuple[Column, ...]) -> int:
    """How many leading columns of a boosting or forest matrix are category codes."""
    return sum(column.kind == "category" for column in columns)


def _step(kind: str, family: Family) -> Any:
    if family == "linear":
        if kind == "category":
            codes = Codes(at_most=_COLUMNS_AT_MOST, unknown=-1.0, missing=_MISSING)
            return make_pipeline(codes, OneHotEncoder(handle_unknown="ignore", sparse_output=False))
        # keep_empty_features: a column that is empty in the training rows must not vanish from the matrix.
        filled = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
        )
        first = {"date": [DateParts()], "text": [TextParts()]}.get(kind, [])
        return make_pipeline(*first, filled)
    if kind == "category":
        if family == "boosting":
            return Codes(at_most=_CODES_AT_MOST, unknown=np.nan, missing=np.nan)
        return Codes(at_most=_CODES_AT_MOST, unknown=-1.0, missing=_MISSING)
    return {"number": "passthrough", "date": DateParts(), "text": TextParts()}[kind]
