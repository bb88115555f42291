"""Every entry on real flights (dates, gaps, categories few and many): trained, saved, and opened by a fresh process,
where it predicts the same.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ray_jobs.catalogue import entries
from ray_jobs.models import BadModelFiles, EnsembleModel, load_model
from tests.support.all_flights import all_flights
from tests.support.fits import Fitted, Rows, fitted, rows_of

#: So that nothing takes long; the defaults are tested by their scores.
_QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 25},
    "extra_trees": {"n_estimators": 25},
    "gradient_boosting": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 20},
    "lightgbm": {"n_estimators": 20},
    "xgboost": {"n_estimators": 20},
    "catboost": {"iterations": 30},
    "mlp": {"max_iter": 5},
    "keras": {"epochs": 3, "layers": [{"units": 16, "activation": "gelu", "dropout": 0.2}, {"units": 8}]},
}
#: What is learned, and how many classes it has.
_TARGETS = {"delay": 0, "late": 2, "origin": 3}
_CASES = [
    (name, target)
    for name, entry in entries().items()
    for target, classes in _TARGETS.items()
    if ("classification" if classes else "regression") in entry.tasks
]
_SEED_CASES = [("ensemble", "delay"), ("ensemble", "origin")]
_LEARNED, _ASKED = slice(0, 500), slice(500, 700)


@pytest.fixture(scope="module")
def rows() -> dict[str, Rows]:
    """700 flights, by what is to be learned."""
    some = all_flights().dropna(subset=["arr_delay"]).sample(700, random_state=0).reset_index(drop=True)
    some["weekend"] = pd.to_datetime(some["time_hour"]).dt.day_of_week >= 5
    features = ["month", "dep_time", "carrier", "tailnum", "dest", "distance", "air_time", "weekend", "time_hour"]
    frame = some[features].copy()
    frame.loc[::9, "distance"] = np.nan
    return {
        "delay": rows_of(frame, some["arr_delay"], 0),
        "late": rows_of(frame, some["late"], 2),
        "origin": rows_of(frame, pd.factorize(some["origin"], sort=True)[0], 3),
    }


@dataclass(frozen=True, kw_only=True)
class Saved:
    fitted: Fitted
    folder: Path
    outputs: NDArray[np.float64]


@pytest.fixture(scope="module")
def saved(rows: dict[str, Rows], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Saved]:
    """All cases saved, and opened again by one fresh process."""
    root = tmp_path_factory.mktemp("models")
    found: dict[tuple[str, str], Saved] = {}
    for name, target in _CASES:
        learned = fitted(name, rows[target].at(_LEARNED), _QUICK.get(name))
        found[name, target] = _save(learned, root / f"{name}-{target}", rows[target])
    for name, target in _SEED_CASES:
        members = tuple(found[one, target].fitted.model for one in ("lightgbm", "catboost", "random_forest"))
        joined = Fitted(model=EnsembleModel(members=members, weights=(0.5, 0.3, 0.2)))
        found[name, target] = _save(joined, root / f"{name}-{target}", rows[target])
    rows["delay"].at(_ASKED).frame.reset_index(drop=True).to_feather(root / "rows.feather")
    program = [sys.executable, "-m", "tests.support.predict_again", str(root / "rows.feather")]
    folders = [str(one.folder) for one in found.values()]
    answer = subprocess.run([*program, *folders], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert answer.returncode == 0, answer.stderr
    return found


def _save(learned: Fitted, folder: Path, rows: Rows) -> Saved:
    folder.mkdir()
    learned.model.save(folder)
    return Saved(fitted=learned, folder=folder, outputs=learned.model.outputs(rows.at(_ASKED).frame))


@pytest.mark.parametrize("case", [*_CASES, *_SEED_CASES])
def test_a_fresh_process_predicts_the_same(saved: dict[tuple[str, str], Saved], case: tuple[str, str]) -> None:
    one = saved[case]
    again = np.load(one.folder / "again.npy")
    # Matrix products of networks are summed in another order there, in single precision.
    tolerance = 1e-5 if case[0] in ("keras", "mlp") else 1e-12
    np.testing.assert_allclose(again, one.outputs, rtol=tolerance, atol=tolerance * np.abs(one.outputs).max())


@pytest.mark.parametrize("case", _CASES)
def test_outputs_have_their_shape(saved: dict[tuple[str, str], Saved], case: tuple[str, str]) -> None:
    outputs, classes = saved[case].outputs, _TARGETS[case[1]]
    assert outputs.dtype == np.float64
    assert outputs.shape == ((200, classes) if classes else (200,))
    assert np.isfinite(outputs).all()
    if classes:
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-6)


def test_an_ensemble_is_the_weighted_mean(saved: dict[tuple[str, str], Saved]) -> None:
    parts = [saved[name, "origin"].outputs for name in ("lightgbm", "catboost", "random_forest")]
    np.testing.assert_allclose(saved["ensemble", "origin"].outputs, 0.5 * parts[0] + 0.3 * parts[1] + 0.2 * parts[2])


def test_files_are_of_few_kinds_and_none_is_a_pickle(saved: dict[tuple[str, str], Saved]) -> None:
    files = [path for one in saved.values() for path in one.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {
        "model.skops", "preprocessing.skops", "model.lgb", "model.ubj", "model.cbm", "model.keras", "ensemble.json",
        "again.npy",
    }  # fmt: skip


def test_models_are_small(saved: dict[tuple[str, str], Saved]) -> None:
    for case, one in saved.items():
        assert sum(path.stat().st_size for path in one.folder.rglob("*") if path.is_file()) < 6e6, case


def test_progress_is_told(saved: dict[tuple[str, str], Saved]) -> None:
    for case, one in saved.items():
        steps = one.fitted.steps
        fractions = [step.fraction for step in steps if step.fraction is not None]
        assert fractions == sorted(fractions), case
        assert case[0] == "ensemble" or steps, case
    assert sum(step.name.startswith("epoch") for step in saved["keras", "late"].fitted.steps) == 3
    assert saved["lightgbm", "late"].fitted.steps[-1].name == "tree 20 of at most 20"


@pytest.mark.parametrize("damage", ["weights", "names", "missing", "link", "swapped"])
def test_a_damaged_ensemble_is_not_opened(
    saved: dict[tuple[str, str], Saved], damage: str, tmp_path: Path, rows: dict[str, Rows]
) -> None:
    member = saved["lightgbm", "delay"].fitted.model
    names = set(EnsembleModel(members=(member, member), weights=(0.5, 0.5)).save(tmp_path))
    if damage == "weights":
        (tmp_path / "ensemble.json").write_text('{"weights": [0.5, "NaN"]}')
    elif damage == "names":
        names |= {"member-2/model.lgb"}
    elif damage == "missing":
        names -= {"member-1/preprocessing.skops"}
    elif damage == "link":
        (tmp_path / "member-1").rename(tmp_path / "elsewhere")
        (tmp_path / "member-1").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "member-0" / "model.lgb").write_bytes((tmp_path / "ensemble.json").read_bytes())
    with pytest.raises(BadModelFiles):
        load_model(tmp_path, names)
