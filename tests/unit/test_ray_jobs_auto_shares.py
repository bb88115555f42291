"""Auto's comparison dealt out to several machines, and the search that begins with what they found."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_jobs.auto import InlineRunner, compare, search
from ray_jobs.auto.candidates import BASELINE, Size, dealt, simple, suitable
from ray_jobs.auto.fitting import Fit
from ray_jobs.auto.search import _not_beaten
from ray_jobs.catalogue import Step
from ray_jobs.order import Order
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.shelf import manifests
from ray_jobs.spec import Candidate, CompareResult, CompareSpec, PathData, ProblemCode, TrainSpec
from ray_jobs.store import ModelStore
from ray_jobs.train import compare as compare_job
from tests.support.auto_orders import Asked, asked, ended
from tests.support.tables import write_tables
from tests.support.training import place, trained

__all__ = ["place"]

QUICK = (BASELINE, "logistic_regression", "naive_bayes", "extra_trees", "k_nearest_neighbors")
MODELS = (*QUICK, "svm", "random_forest", "mlp")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only quick models are suitable."""
    monkeypatch.setattr(importlib.import_module("ray_jobs.auto.search"), "suitable", lambda order: QUICK)


@pytest.fixture
def case(tmp_path: Path, quick: None) -> Asked:
    return asked("wine", tmp_path / "scratch", budget=60.0)


def judged(steps: Generator[Step, None, tuple[Candidate, ...]]) -> dict[str, Candidate]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return {line.model: line for line in end.value}


def line(model: str, loss: float | None) -> Candidate:
    return Candidate(name=model, model=model, loss=loss, note="Compared on desk.")


@pytest.mark.parametrize("shares", [1, 2, 3, 30])
def test_everybody_is_dealt_out_once_and_the_baseline_to_all(tmp_path: Path, shares: int) -> None:
    order = asked("cancer", tmp_path / "scratch", budget=60.0).order
    models, size = suitable(order), Size(order)
    hands = [dealt(models, size, share, shares) for share in range(shares)]
    assert all(BASELINE in hand for hand in hands)
    others = [model for hand in hands for model in hand if model != BASELINE]
    assert sorted(others) == sorted(set(models) - {BASELINE})
    counts = [len(hand) for hand in hands]
    assert max(counts) - min(counts) <= 1
    if shares == 2:  # the two dearest are not on one machine
        dearest = sorted(models, key=lambda model: -size.seconds(model, size.rows))[:2]
        assert all(len(set(hand) & set(dearest)) == 1 for hand in hands)


def test_losses_are_the_same_however_many_machines_share_and_whatever_they_are(case: Asked) -> None:
    alone = judged(compare(case.order, 0, 1, InlineRunner()))
    assert set(alone) == set(QUICK)
    for share in range(2):
        scratch = case.order.scratch / str(share)
        scratch.mkdir()
        weaker = replace(case.order, threads=1, memory=2**30, scratch=scratch)
        found = judged(compare(weaker, share, 2, InlineRunner()))
        assert set(found) == set(dealt(QUICK, Size(case.order), share, 2))
        for model, one in found.items():
            # Given up is who is far behind those that it was compared with.
            if one.loss is not None and alone[model].loss is not None:
                assert one.loss == pytest.approx(alone[model].loss)


class Told(InlineRunner):
    """Remembers which models were fitted."""

    def __init__(self) -> None:
        super().__init__()
        self.models: set[str] = set()

    def start(self, order: Fit) -> None:
        self.models.add(order.model)
        super().start(order)


def test_who_was_beaten_elsewhere_is_told_but_not_fitted_again(case: Asked) -> None:
    losses = {BASELINE: 1.1, "extra_trees": 0.1, "k_nearest_neighbors": 0.2, "mlp": 0.3, "svm": 0.4}
    compared = (*(line(model, loss) for model, loss in losses.items()), line("naive_bayes", None))
    runner = Told()
    found = ended(search(replace(case.order, compared=compared, budget=8.0), runner))
    # logistic_regression: nobody compared it.
    assert runner.models == {BASELINE, "extra_trees", "k_nearest_neighbors", "logistic_regression"}
    lines = {one.name: one for one in found.leaderboard}
    assert lines["naive_bayes"].note == "Compared on desk."
    assert lines["extra_trees"].note != "Compared on desk."
    known = [one.loss for one in found.leaderboard if one.loss is not None]
    assert known == sorted(known)
    assert any("dealt out" in note for note in found.notes)


@given(st.dictionaries(st.sampled_from(MODELS), st.none() | st.floats(0, 10)))
def test_who_enters_the_search(losses: dict[str, float | None]) -> None:
    """Whom nobody compared, the best four, the best simple one, and the baseline; everybody where nothing is known."""
    enter = _not_beaten(MODELS, [line(model, loss) for model, loss in losses.items()])
    known = sorted((loss, model) for model, loss in losses.items() if loss is not None)
    assert BASELINE in enter
    assert set(enter) >= set(MODELS) - losses.keys()
    assert set(enter) >= {model for _, model in known[:4]}
    assert len(set(enter) & losses.keys()) <= 6 or not known
    plain = [model for _, model in known if model in simple(MODELS)]
    assert set(plain[:1]) <= set(enter)
    if not known:
        assert enter == MODELS


def share_of(place: Place, training: TrainSpec) -> CompareResult:
    spec = CompareSpec(training=training, share=0, shares=2)
    steps = compare_job(Order(spec=spec, place=place, job_id="part0001", threads=1))
    while True:
        try:
            assert next(steps).name in ("reading", "comparing")
        except StopIteration as end:
            result: CompareResult = end.value
            return result


def test_a_share_tells_which_table_it_was_and_keeps_nothing(place: Place, quick: None) -> None:
    data = PathData(path=str(write_tables(place.allowed[0]).train))
    result = share_of(place, TrainSpec(data=data, target="diagnosis", budget=20))
    assert {line.model for line in result.leaderboard} > {BASELINE}
    assert manifests(place.models) == []
    model, _ = trained(place, data, "diagnosis", model="naive_bayes")
    assert result.data_hash == ModelStore(place.models).manifest(model.model_id).data_hash


def test_a_table_that_would_be_streamed_is_not_compared(place: Place) -> None:
    data = PathData(path=str(write_tables(place.allowed[0]).train))
    with pytest.raises(Refused) as refused:
        share_of(place, TrainSpec(data=data, target="diagnosis", memory=100 * 2**20))
    assert refused.value.problem.code is ProblemCode.OUT_OF_MEMORY
