"""Auto's parts: losses, the board, weights, the choice, parts of a table, and the race's plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from ray_jobs.auto.board import Board, Entrant, difference
from ray_jobs.auto.candidates import TRAITS, Size, suitable
from ray_jobs.auto.choice import choose
from ray_jobs.auto.ensemble import greedy, weigh
from ray_jobs.auto.fitting import Fit, Fitted
from ray_jobs.auto.losses import row_losses, shown, told
from ray_jobs.auto.order import AutoOrder
from ray_jobs.auto.parts import parts_of, sample_of
from ray_jobs.auto.race import Means, Race
from ray_jobs.auto.runner import Lost
from ray_jobs.auto.table import ALL, forget_table, open_table, write_table
from ray_jobs.auto.tuning import Tuning
from ray_jobs.catalogue import entries, entry_of
from ray_jobs.schema import Column
from ray_jobs.splitting import RowKeys

RNG = np.random.default_rng(0)


def order_of(rows: int, scratch: Path, *, columns: int = 4, **other: Any) -> AutoOrder:
    frame = pd.DataFrame({f"c{number}": np.arange(rows, dtype=float) for number in range(columns)})
    codes = np.arange(rows, dtype=np.int64) % 2
    told = {"task": "classification", "classes": 2, "values": codes, "keys": RowKeys(codes=codes), "budget": 60.0}
    described = tuple(Column(name=str(name), kind="number") for name in frame)
    settled = {"seed": 0, "threads": 2, "memory": 4 * 2**30, "scratch": scratch, **told, **other}
    return AutoOrder(frame=frame, columns=described, **settled)


def board_of(truth: np.ndarray, parts: int = 4) -> Board:
    rows = np.arange(len(truth))
    checks = {f"fold-{number}": rows[number::parts] for number in range(parts)}
    return Board("classification", checks, truth, "dummy")


def enter(board: Board, name: str, said: np.ndarray, *, model: str = "", trial: int | None = None) -> Entrant:
    """An entrant that was checked on all parts; `said`: of each row the probability of its class."""
    entrant = Entrant(name=name, model=model or name, trial=trial)
    board.entrants.append(entrant)
    for part, rows in board.checks.items():
        board.take(entrant, part, Fitted(seconds=0.1, said=said[rows]))
    return entrant


# --- losses ---
def test_the_loss_of_classes_is_scikit_learns_log_loss() -> None:
    truth = RNG.integers(0, 3, 500)
    outputs = RNG.dirichlet(np.ones(3), 500)
    outputs[0] = [1.0, 0.0, 0.0]
    truth[0] = 1  # certain, and wrong
    found = shown("classification", row_losses("classification", told("classification", outputs, truth), truth).mean())
    assert found == pytest.approx(log_loss(truth, outputs))


def test_the_loss_of_numbers_is_the_root_of_the_mean_squared_error() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    said = told("regression", np.array([1.0, 2.0, 6.0]), truth)
    assert shown("regression", row_losses("regression", said, truth).mean()) == pytest.approx(np.sqrt(3.0))


def test_no_number_is_the_worst_answer_and_breaks_nothing() -> None:
    truth = np.array([1.0, 2.0])
    assert np.isfinite(row_losses("regression", told("regression", np.array([np.nan, np.inf]), truth), truth)).all()
    classes = told("classification", np.array([[np.nan, np.nan]]), np.array([1]))
    assert row_losses("classification", classes, np.array([1])).item() > 30


def test_a_row_that_was_checked_three_times_counts_once() -> None:
    rows = np.arange(100)
    gaps = RNG.normal(0.1, 1.0, 100)
    once = difference(gaps, np.zeros(100), rows)
    thrice = difference(np.tile(gaps, 3), np.zeros(300), np.tile(rows, 3))
    assert thrice.mean == pytest.approx(once.mean)
    assert thrice.error == pytest.approx(once.error)


# --- weights ---
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.sampled_from(["classification", "regression"]))
def test_weights_sum_to_one_and_are_at_least_as_good_as_the_best_alone(models: int, seed: int, task: Any) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 200) if task == "classification" else rng.normal(size=200)
    said = rng.random((models, 200))
    weights = greedy(task, said, truth)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    alone = row_losses(task, said, truth).mean(axis=1).min()
    assert row_losses(task, weights @ said, truth).mean() <= alone + 1e-12


def test_two_that_err_differently_are_combined() -> None:
    truth = RNG.normal(size=1000)
    said = truth + RNG.normal(size=(2, 1000))
    weighed = weigh("regression", said, truth, np.arange(1000) % 4)
    assert weighed.weights == pytest.approx([0.5, 0.5], abs=0.1)
    assert weighed.losses.mean() < 0.7 * ((said - truth) ** 2).mean()


def test_the_losses_of_weights_are_of_rows_that_the_weights_have_not_seen() -> None:
    truth = RNG.normal(size=60)
    said = RNG.normal(size=(40, 60))  # nothing but chance: weights that know the rows find something in it
    known = row_losses("regression", greedy("regression", said, truth) @ said, truth).mean()
    honest = weigh("regression", said, truth, np.arange(60) % 4).losses.mean()
    assert known < 0.8 * honest


# --- the choice ---
def test_a_simple_model_wins_where_nothing_is_better_by_more_than_chance() -> None:
    board = board_of(np.zeros(200, dtype=np.int64))
    enter(board, "dummy", np.full(200, 0.5))
    plain = np.clip(RNG.normal(0.8, 0.1, 200), 0.01, 0.99)
    enter(board, "logistic_regression", plain)
    enter(board, "lightgbm", np.clip(plain + RNG.normal(0.002, 0.05, 200), 0.01, 0.99))
    choice = choose(board)
    assert choice is not None
    assert [(one.name, weight) for one, weight in choice.members] == [("logistic_regression", 1.0)]


def test_a_tuned_linear_model_is_not_the_simple_one() -> None:
    board = board_of(np.zeros(200, dtype=np.int64))
    plain = np.clip(RNG.normal(0.8, 0.1, 200), 0.01, 0.99)
    enter(board, "logistic_regression", plain)
    better = enter(board, "logistic_regression tuned 1", np.minimum(plain * 1.1, 0.99), model="logistic_regression")
    choice = choose(board)
    assert choice is not None
    assert choice.members[0][0] is better


def test_a_trial_takes_part_only_where_tuning_gained_more_than_chance() -> None:
    board = board_of(np.zeros(200, dtype=np.int64))
    default = np.clip(RNG.normal(0.8, 0.1, 200), 0.01, 0.99)
    enter(board, "dummy", np.full(200, 0.5))
    enter(board, "lightgbm", default)
    lucky = np.clip(default + RNG.normal(0.004, 0.2, 200), 0.2, 0.99)
    enter(board, "lightgbm tuned 1", lucky, model="lightgbm", trial=0)
    choice = choose(board)
    assert choice is not None
    assert [one.name for one, _ in choice.members] == ["lightgbm"]
    enter(board, "lightgbm tuned 2", np.minimum(default * 1.1, 0.99), model="lightgbm", trial=1)
    choice = choose(board)
    assert choice is not None
    assert choice.members[0][0].name == "lightgbm tuned 2"


def test_several_win_where_they_are_clearly_better() -> None:
    board = board_of(np.zeros(400, dtype=np.int64))
    right = RNG.random(400) < 0.5
    enter(board, "dummy", np.full(400, 0.3))
    enter(board, "lightgbm", np.where(right, 0.9, 0.3))
    enter(board, "mlp", np.where(right, 0.3, 0.9))
    choice = choose(board)
    assert choice is not None
    assert {one.name for one, _ in choice.members} == {"lightgbm", "mlp"}
    assert sum(weight for _, weight in choice.members) == pytest.approx(1.0)


def test_who_can_not_be_fitted_in_time_is_passed_over() -> None:
    board = board_of(np.zeros(100, dtype=np.int64))
    enter(board, "dummy", np.full(100, 0.5))
    enter(board, "lightgbm", np.full(100, 0.9))
    enter(board, "hist_gradient_boosting", np.full(100, 0.8))
    choice = choose(board, lambda some: all(one.name != "lightgbm" for one in some))
    assert choice is not None
    assert choice.members[0][0].name == "hist_gradient_boosting"


def test_nothing_is_chosen_where_only_the_baseline_is_left() -> None:
    board = board_of(np.zeros(100, dtype=np.int64))
    enter(board, "dummy", np.full(100, 0.5))
    assert choose(board) is None


def test_far_behind_is_who_is_near_the_baseline_not_who_is_a_little_worse() -> None:
    board = board_of(np.zeros(400, dtype=np.int64))
    enter(board, "dummy", np.full(400, 0.5))
    enter(board, "lightgbm", np.full(400, 0.9) - RNG.random(400) * 0.01)
    near, far = np.full(400, 0.88) - RNG.random(400) * 0.01, np.full(400, 0.6) - RNG.random(400) * 0.01
    assert not board.far_behind(enter(board, "xgboost", near))
    assert board.far_behind(enter(board, "naive_bayes", far))


def test_who_is_clearly_ahead_and_has_no_time_left_wins_by_the_folds_that_it_had() -> None:
    board = board_of(np.arange(8000) % 2)  # many rows: checked once
    enter(board, "dummy", np.full(8000, 0.5))
    enter(board, "lightgbm", np.full(8000, 0.7) + RNG.random(8000) * 0.1)
    better = Entrant(name="catboost", model="catboost")
    board.entrants.append(better)
    board.take(better, "fold-0", Fitted(seconds=9.0, said=np.full(2000, 0.8) + RNG.random(2000) * 0.1))
    board.settle()
    assert list(board.checks) == ["fold-0"]
    assert board.complete()[0] is better


# --- the table ---
def test_the_table_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "number": [1.5, np.nan, 3.0],
            "whole": [1, 2, 3],
            "flag": [1.0, 0.0, np.nan],
            "plan": pd.Series(["a", None, "ü"], dtype="str"),
            "when": pd.to_datetime(["2024-01-01", "", "2025-06-30"]),
        },
        index=[7, 3, 9],
    )
    kinds = {"number": "number", "whole": "number", "flag": "boolean", "plan": "category", "when": "date"}
    columns = tuple(Column(name=name, kind=kind) for name, kind in kinds.items())
    values = np.array([0, 1, 1])
    order = AutoOrder(
        frame=frame, columns=columns, values=values, task="classification", classes=2, keys=RowKeys(codes=values),
        seed=0, threads=1, budget=1.0, memory=1, scratch=tmp_path,
    )  # fmt: skip
    write_table(order, {"fold-0": (np.array([0, 2]), np.array([1]))}, tmp_path / "auto")
    table = open_table(tmp_path / "auto")
    pd.testing.assert_frame_equal(table.frame, frame.reset_index(drop=True))
    assert table.columns == columns
    assert [part.tolist() for part in table.part("fold-0")] == [[0, 2], [1]]
    assert [part.tolist() for part in table.part(ALL)] == [[0, 1, 2], []]
    forget_table()


def test_few_rows_are_dealt_again_and_many_are_checked_once(tmp_path: Path) -> None:
    few = order_of(150, tmp_path, budget=600.0)
    assert len(parts_of(few, Size(few), ("lightgbm",), 2)) == 15
    many = order_of(200_000, tmp_path, columns=20, budget=5.0)
    models = suitable(many)
    parts = parts_of(many, Size(many), models, 2)
    assert list(parts) == ["fold-0"]
    fit, check = parts["fold-0"]
    assert len(fit) == 160_000
    assert len(check) <= 40_000
    assert not set(fit[:1000]) & set(check)
    sample = sample_of(many, Size(many), models, parts, 2)
    assert 5_000 <= len(sample["sample"][0]) <= 50_000
    assert sample_of(few, Size(few), ("lightgbm",), parts_of(few, Size(few), ("lightgbm",), 2), 2) == {}


def test_groups_stay_together_and_time_goes_forward(tmp_path: Path) -> None:
    groups = np.arange(300) // 10
    order = order_of(300, tmp_path, keys=RowKeys(groups=groups))
    for fit, check in parts_of(order, Size(order), ("lightgbm",), 2).values():
        assert not set(groups[fit]) & set(groups[check])
    times = RNG.permutation(300).astype(float)
    order = order_of(300, tmp_path, keys=RowKeys(times=times))
    found = list(parts_of(order, Size(order), ("lightgbm",), 2).values())
    assert all(times[fit].max() < times[check].min() for fit, check in found)
    assert [len(fit) for fit, _ in found] == sorted((len(fit) for fit, _ in found), reverse=True)


# --- the race ---
def test_every_entry_that_is_compared_is_in_the_catalogue() -> None:
    assert set(TRAITS) <= set(entries())


def race_of(order: AutoOrder, parts: int = 2, *, tuned: bool = False, rows: int = 80) -> Race:
    board = Board(order.task, {f"fold-{number}": np.arange(number, 100, parts) for number in range(parts)},
                  order.values, "dummy")  # fmt: skip
    template = Fit(
        candidate="", model="", parameters={}, folder="", part="", seed=order.seed, threads=1, memory=order.memory
    )
    tuning = Tuning(board, 0) if tuned else None
    return Race(
        board, Size(order), dict.fromkeys(board.checks, rows), template, Means(memory=order.memory, slots=1), tuning
    )


def good(fit: Fit, probability: float = 0.8, *, seconds: float = 0.1, rounds: int | None = None) -> Fitted:
    return Fitted(seconds=seconds, rounds=fit.rounds or rounds, said=np.full(50, probability))


def test_all_begin_before_anybody_goes_on(tmp_path: Path) -> None:
    race = race_of(order_of(100, tmp_path))
    race.enter(["dummy", "logistic_regression", "naive_bayes"])
    order = []
    while fit := race.next(0.0, 60.0):
        order.append((fit.candidate, fit.part))
        race.take(fit, good(fit, 0.5 if fit.model == "dummy" else 0.8))
    assert [part for _, part in order] == ["fold-0"] * 3 + ["fold-1"] * 3
    assert len(race.board.complete()) == 3


def test_who_learns_in_rounds_is_checked_again_with_the_rounds_of_the_other_folds(tmp_path: Path) -> None:
    race = race_of(order_of(100, tmp_path))
    race.enter(["lightgbm"])
    found = []
    while fit := race.next(0.0, 60.0):
        found.append((fit.part, fit.rounds))
        # 0.9 while the fold's own rows say when to stop, 0.7 when they do not.
        race.take(
            fit, good(fit, 0.9, rounds=10 if fit.part == "fold-0" else 30) if fit.rounds is None else good(fit, 0.7)
        )
    assert found == [("fold-0", None), ("fold-1", None), ("fold-0", 30), ("fold-1", 10)]
    (entrant,) = race.board.complete()
    assert race.board.mean(entrant) == pytest.approx(-np.log(0.7))
    recorded = race.recorded(entrant, 1.0)
    assert recorded.rounds == round(20 * np.sqrt(100 / 80))


def test_who_is_far_behind_does_not_go_on(tmp_path: Path) -> None:
    race = race_of(order_of(100, tmp_path))
    race.enter(["dummy", "logistic_regression", "naive_bayes"])
    while fit := race.next(0.0, 60.0):
        race.take(fit, good(fit, {"dummy": 0.5, "naive_bayes": 0.51}.get(fit.model, 0.9)))
    lines = {line.name: line for line in race.board.lines({})}
    assert lines["naive_bayes"].loss is None
    assert "behind" in lines["naive_bayes"].note
    assert lines["logistic_regression"].loss == pytest.approx(-np.log(0.9))


def test_a_candidate_that_fails_is_a_line_with_a_note(tmp_path: Path) -> None:
    race = race_of(order_of(100, tmp_path))
    race.enter(["logistic_regression", "naive_bayes"])
    while fit := race.next(0.0, 60.0):
        race.take(fit, Lost(note="It failed (ValueError).") if fit.model == "naive_bayes" else good(fit))
    assert {line.name: line.note for line in race.board.lines({})} == {
        "logistic_regression": "",
        "naive_bayes": "It failed (ValueError).",
    }


def test_nothing_is_begun_that_would_not_end_in_time(tmp_path: Path) -> None:
    race = race_of(order_of(100_000, tmp_path, columns=50), rows=80_000)
    race.enter(["dummy", "random_forest"])
    begun = []
    while fit := race.next(0.0, 5.0):
        begun.append(fit.model)
        race.take(fit, good(fit))
    assert set(begun) == {"dummy"}
    race.close("Not finished.")
    assert [line.note for line in race.board.lines({}) if line.name == "random_forest"] == ["Not finished."]


def test_fits_side_by_side_stay_within_the_memory(tmp_path: Path) -> None:
    race = race_of(order_of(1_000_000, tmp_path, memory=3 * 2**29))
    race.enter(["hist_gradient_boosting", "lightgbm", "xgboost", "logistic_regression"])
    begun = 0
    while race.next(0.0, 10_000.0):
        begun += 1
    assert begun == 3  # each takes 300 MB with its libraries, and 128 MB for the matrix


def test_trials_follow_the_race_and_stop_when_nothing_gets_better(tmp_path: Path) -> None:
    race = race_of(order_of(100, tmp_path), tuned=True)
    race.enter(["dummy", "logistic_regression"])
    trials: list[Fit] = []
    while (fit := race.next(0.0, 60.0)) and len(trials) < 500:
        trials.append(fit)
        race.take(fit, good(fit, 0.5 if fit.model == "dummy" else 0.8))
    trials = [fit for fit in trials if "tuned" in fit.candidate]
    assert 5 <= len({fit.candidate for fit in trials}) < 20  # a hundred rows can't tell many trials apart
    space: Any = entry_of("logistic_regression").space["C"]
    assert all(space.low <= fit.parameters["C"] <= space.high for fit in trials)
    assert len({fit.parameters["C"] for fit in trials}) >= 5
