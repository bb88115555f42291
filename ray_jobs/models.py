"""Fitted models: preprocessing and estimator as one thing, from a conformed data frame to numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class FittedModel(Protocol):
    """What training makes and prediction uses."""

    def outputs(self, frame: pd.DataFrame) -> Floats:
        """Classification: (rows, classes) probabilities. Regression: (rows,) values."""

    def save(self, folder: Path) -> tuple[str, ...]:
        """Writes the model's files into `folder`; returns their names."""


@dataclass(frozen=True, kw_only=True)
class PipelineModel:
    """A scikit-learn pipeline."""

    pipeline: Any

    def outputs(self, frame: pd.DataFrame) -> Floats:
        if hasattr(self.pipeline, "predict_proba"):
            return np.asarray(self.pipeline.predict_proba(frame), dtype=np.float64)
        return np.asarray(self.pipeline.predict(frame), dtype=np.float64)

    def save(self, folder: Path) -> tuple[str, ...]:
        import skops.io

        skops.io.dump(self.pipeline, folder / "model.skops")
        return ("model.skops",)


@dataclass(frozen=True, kw_only=True)
class NetworkModel:
    """A scikit-learn preprocessing in front of a Keras network, whose last layer gives probabilities or unscaled
    values.
    """

    preprocessing: Any
    network: Any

    def outputs(self, frame: pd.DataFrame) -> Floats:
        matrix = np.asarray(self.preprocessing.transform(frame), dtype=np.float32)
        found = np.asarray(self.network.predict(matrix, batch_size=4096, verbose=0), dtype=np.float64)
        return found[:, 0] if found.shape[1] == 1 else found

    def save(self, folder: Path) -> tuple[str, ...]:
        import skops.io

        skops.io.dump(self.preprocessing, folder / "preprocessing.skops")
        self.network.save(folder / "model.keras")
        return ("preprocessing.skops", "model.keras")
