"""A CSV of 400 MB under a budget of 700 MB, in a process of its own: read whole it would take 2 GB."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.larger_than_memory import Run, measured
from benchmarks.overhead import flights
from ray_jobs.catalogue import Training, entry_of
from ray_jobs.profiling import choose_features
from ray_jobs.schema import conform
from tests.support.many_flights import TARGET, write_many_flights

_SIZE, _BUDGET, _ROUNDS = 400 * 10**6, 700 * 10**6, 10


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Run]:
    """The rows of the file, and what came of learning from it."""
    folder = tmp_path_factory.mktemp("large")
    path = folder / "flights.csv"
    rows = write_many_flights(path, _SIZE)
    try:
        return rows, measured("train", folder, path, _BUDGET, _ROUNDS)
    finally:
        path.unlink()


def test_all_training_rows_are_learned_from_within_the_memory(trained: tuple[int, Run]) -> None:
    rows, run = trained
    assert not run.failed
    assert rows > 3_500_000
    assert 0.74 * rows < run.rows < 0.76 * rows
    assert f"all {run.rows:,} training rows" in run.how
    assert run.peak < _BUDGET


def test_the_model_is_as_good_as_one_of_a_sample_in_memory(trained: tuple[int, Run]) -> None:
    _, run = trained
    frame = flights().sample(60_000, random_state=0)
    columns, _ = choose_features(frame, TARGET, (), ())
    table, late = conform(frame, columns)[0], frame[TARGET].to_numpy(dtype=np.int64)
    entry = entry_of("lightgbm")
    fitting = entry.fit(
        Training(
            frame=table[:45_000],
            columns=columns,
            values=late[:45_000],
            task="classification",
            classes=2,
            parameters=entry.parameters.model_validate({"n_estimators": _ROUNDS}),
            seed=0,
            threads=1,
        )
    )
    while True:
        try:
            next(fitting)
        except StopIteration as end:
            model = end.value
            break
    auc = roc_auc_score(late[45_000:], model.outputs(table[45_000:])[:, 1])
    assert run.auc > auc - 0.01
