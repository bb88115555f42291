"""Text columns as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline

Floats = NDArray[np.float64]

_PARTS = 16
#: Texts from which the weights and directions are learned.
_SAMPLE = 20_000


class TextParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Text columns to a few dense numbers each: hashed words, weighted by rarity, reduced; and the length."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> TextParts:
        self.steps_: list[Any] = []
        for name in frame.columns:
            texts = frame[name].fillna("")
            texts = texts.sample(min(len(texts), _SAMPLE), random_state=0)
            words = HashingVectorizer(n_features=2**12, alternate_sign=False, dtype=np.float32)
            parts = min(_PARTS, max(1, len(texts) - 1))
            steps = make_pipeline(words, TfidfTransformer(), TruncatedSVD(parts, random_state=0))
            # Texts without a single word have no variance to share out; the division's warning says no more.
            with np.errstate(divide="ignore", invalid="ignore"):
                self.steps_.append(steps.fit(texts))
        return self

    @property
    def widths(self) -> list[int]:
        """Columns that each column becomes."""
        return [steps[-1].n_components + 1 for steps in self.steps_]

    def columns(self, texts: pd.Series, number: int) -> list[Floats]:
        """What the text column that was the `number`-th in training becomes."""
        texts = texts.fillna("")
        parts = np.asarray(self.steps_[number].transform(texts), dtype=np.float64)
        return [*parts.T, texts.str.len().to_numpy(dtype=np.float64)]

    def transform(self, frame: pd.DataFrame) -> Floats:
        every = [self.columns(frame.iloc[:, number], number) for number in range(frame.shape[1])]
        return np.column_stack([values for found in every for values in found])
