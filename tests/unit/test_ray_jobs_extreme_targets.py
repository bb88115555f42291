"""Numbers to be predicted at the ends of floating point: a target that varies is learned, whatever its size."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ray_jobs.place import Place
from ray_jobs.report.distributions import draw_distributions
from ray_jobs.spec import RandomSplit, TrainResult
from tests.support.training import place as place
from tests.support.training import trained, written

_TARGETS: dict[str, list[float]] = {
    "one huge": [1e308] + [0.1 * row for row in range(39)],
    "both ends": [1.7e308, -1.7e308] * 20,
    "huge and tiny": [1e308, 1e-308] * 20,
    "tiny but one": [1.7e308] + [1e-300] * 19 + [2e-300] * 20,
    "large": [row * 1e300 for row in range(40)],
}


def learned(place: Place, target: str, **spec: Any) -> TrainResult:
    frame = pd.DataFrame({"x": range(40), "w": [(7 * row) % 13 for row in range(40)], "y": _TARGETS[target]})
    result, _ = trained(place, written(place, frame), "y", task="regression", **spec)
    json.dumps(result.model_dump(mode="json"), allow_nan=False)
    return result


@pytest.mark.parametrize("model", ["decision_tree", "linear_regression"])
@pytest.mark.parametrize("target", _TARGETS)
def test_any_size_of_target_is_learned(place: Place, target: str, model: str) -> None:
    for seed in range(3):
        result = learned(place, target, model=model, folds=3, seed=seed, split=RandomSplit(test_fraction=0.5))
        assert result.rows_test == 20
        assert all(np.isfinite(value) for value in (*result.metrics.values(), *result.fold_spread.values()))


def test_auto_compares_what_no_loss_can_hold(place: Place) -> None:
    result = learned(place, "both ends", model="auto", budget=5)
    assert result.leaderboard
    assert not result.pictures
    assert "The numbers are too large for pictures." in result.warnings


def test_huge_numbers_of_a_column_lie_outside_its_picture(place: Place) -> None:
    path = place.folder / "picture.png"
    frame = pd.DataFrame({"mixed": [1.0, 2.0, 1.7e308, -1.7e308], "huge": [1.7e308, -1.7e308] * 2})
    draw_distributions(path, frame, {"mixed": "number", "huge": "number"})
    assert path.read_bytes().startswith(b"\x89PNG")
