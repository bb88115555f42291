"""How many rows a streamed training takes into its memory. What other tests left in a process looks like room there,
so each is played in a process of its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

from ray_jobs.streaming import Streamed
from tests.support.streams import FrameSource, order_for, run, settled

#: Training rows used, training rows there are, what is told of them, accuracy on the kept test rows.
Taken = tuple[int, int, str, float]


def in_own_process(play: Callable[[Path], Taken], folder: Path) -> Taken:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(play, folder).result()


def taken(found: Streamed, rows: int) -> Taken:
    assert found.classes is not None
    said = found.model.outputs(found.test_frame).argmax(axis=1)
    return found.rows_train, rows - found.rows_test, found.how, float(accuracy_score(found.test_values, said))


def play_lightgbm(folder: Path) -> Taken:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_500_000, 2)), columns=["x", "z"])
    frame["y"] = frame["x"] + frame["z"] > rng.normal(size=len(frame))
    few = order_for(frame[:20_000], "y", "lightgbm", folder / "few", parameters={"n_estimators": 3})
    run(few)  # what the libraries take when they are loaded is not the rows'
    order = replace(few, scratch=folder / "all", source=FrameSource(frame), memory=settled() + 110_000_000)
    return taken(run(order)[0], len(frame))


def play_forest(folder: Path) -> Taken:
    parameters = {"n_estimators": 50}
    digits = load_digits(as_frame=True)
    frame = pd.DataFrame(digits.data).assign(digit=digits.target)
    run(order_for(frame, "digit", "random_forest", folder / "few", memory=500_000_000, parameters=parameters))
    many = pd.concat([frame] * 60, ignore_index=True)
    order = order_for(many, "digit", "random_forest", folder, memory=150_000_000, parameters=parameters)
    return taken(run(order)[0], len(many))


def test_lightgbm_takes_as_many_rows_as_fit(tmp_path: Path) -> None:
    used, there, told, accuracy = in_own_process(play_lightgbm, tmp_path)
    assert 0.2 * there < used < 0.95 * there
    assert f"{used:,} of the {there:,} training rows" in told
    assert accuracy > 0.75


def test_a_sample_is_as_large_as_fits(tmp_path: Path) -> None:
    used, there, told, _ = in_own_process(play_forest, tmp_path)
    assert 1000 < used < 0.5 * there
    assert f"{used:,} of the {there:,} training rows" in told
