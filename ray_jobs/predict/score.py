"""How good the predictions are, where the table holds the true target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs import evaluation
from ray_jobs.evaluation.classification import all_metrics, confusion
from ray_jobs.manifest import Manifest
from ray_jobs.models import Floats
from ray_jobs.predict.notes import Notes, Weight
from ray_jobs.problems import clip
from ray_jobs.spec import Metrics

_MOST_ROWS = 1_000_000
#: Numbers that are kept: outputs of a model of many classes are many.
_MOST_NUMBERS = 8_000_000


class Score:
    """Truth and outputs of the rows whose target is known: all of them, or a random sample of a million."""

    def __init__(self, manifest: Manifest, threshold: float | None, seed: int = 0) -> None:
        self._manifest, self._threshold = manifest, threshold
        classes = len(manifest.classes.labels) if manifest.classes else 1
        self._most = min(_MOST_ROWS, max(1000, _MOST_NUMBERS // (classes + 1)))
        self._truth: list[NDArray[np.float64]] = []
        self._outputs: list[Floats] = []
        self._kept = self.rows = self._strange = 0
        self._rng = np.random.default_rng(seed)

    def add(self, truth: pd.Series, outputs: Floats) -> None:
        """Some more rows. `truth` as `checks.target_in` reads it."""
        codes = self._codes(truth)
        known = np.isfinite(codes)
        self._strange += int((codes[known] < 0).sum()) if self._manifest.classes else 0
        codes, outputs = codes[known], outputs[known]
        room = max(0, self._most - self._kept)
        if len(codes[:room]):
            self._truth.append(codes[:room])
            self._outputs.append(outputs[:room])
            self._kept += len(codes[:room])
        if len(codes) > room:
            self._replace(codes[room:], outputs[room:], self.rows + room)
        self.rows += len(codes)

    def metrics(self, notes: Notes) -> Metrics:
        """Empty where no row's target is known."""
        if not self.rows:
            return {}
        if self._kept < self.rows:
            notes.add(Weight.SCORE, f"The score is of {self._kept:,} rows, drawn at random from {self.rows:,}.")
        if self._strange:
            rows = f"{self._strange} row{'s have' if self._strange > 1 else ' has'}"
            notes.add(
                Weight.SCORE,
                f"{rows} a value in '{clip(self._manifest.target, 80)}' that training never saw; they count as wrong.",
            )
        truth, outputs = np.concatenate(self._truth), np.concatenate(self._outputs)
        if self._manifest.classes is None:
            return evaluation.regression_metrics(truth, outputs)
        codes = truth.astype(np.int64)
        counts = confusion(codes, predicted_codes(outputs, self._threshold), outputs.shape[1])
        return all_metrics(codes, outputs, counts)[0]

    def _codes(self, truth: pd.Series) -> NDArray[np.float64]:
        """Numbers, or positions of classes, -1 for strangers; NaN for gaps."""
        classes = self._manifest.classes
        if classes is None:
            return truth.to_numpy(dtype=np.float64, na_value=np.nan)
        if all(isinstance(label, bool) for label in classes.labels):
            truth = truth.map({1.0: True, 0.0: False})
        codes = classes.encode(truth).astype(np.float64)
        codes[truth.isna().to_numpy()] = np.nan
        return codes

    def _replace(self, truth: NDArray[np.float64], outputs: Floats, before: int) -> None:
        """Reservoir sampling: row number n stays with probability most / n, in a random place."""
        if len(self._truth) > 1:
            self._truth, self._outputs = [np.concatenate(self._truth)], [np.concatenate(self._outputs)]
        places = self._rng.integers(0, before + 1 + np.arange(len(truth)))
        stays = places < self._most
        self._truth[0][places[stays]] = truth[stays]
        self._outputs[0][places[stays]] = outputs[stays]


def predicted_codes(outputs: Floats, threshold: float | None) -> NDArray[np.int64]:
    """The positions of the predicted classes: the likeliest, or of two the second from `threshold` on."""
    if threshold is None:
        return np.asarray(outputs.argmax(axis=1), dtype=np.int64)
    return (outputs[:, 1] >= threshold).astype(np.int64)
