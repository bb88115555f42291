"""One model on rows in memory: fitted once, or in the folds of a cross-validation as well; or the best of many."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from ray_jobs.absent import recoded, spread
from ray_jobs.auto import AutoOrder, Found, InlineRunner, RayRunner, Runner, compare, repeat, search
from ray_jobs.catalogue import Entry, Parameters, Step, Training
from ray_jobs.evaluation import classification_metrics, regression_metrics
from ray_jobs.models import FittedModel
from ray_jobs.problems import Refused
from ray_jobs.spec import Candidate
from ray_jobs.splitting import Positions, RowKeys, divides, folds
from ray_jobs.store import ModelStore
from ray_jobs.train.learned import Values
from ray_jobs.train.order import TrainOrder
from ray_jobs.train.preparing import Prepared

T = TypeVar("T")
_AT_RANDOM = (
    "All training rows have the same group or time, so the candidates were compared on rows taken at random from them."
)


@dataclass(frozen=True, kw_only=True)
class Folds:
    """What a cross-validation says: means over its folds, and their standard deviations."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  #: for people: folds that could not be made


def fit_entry(
    order: TrainOrder, entry: Entry, parameters: Parameters, prepared: Prepared, threads: int
) -> Generator[Step, None, tuple[FittedModel, Folds]]:
    """Fits the model on all training rows; before that, where the spec wants it, in folds of them."""
    found, share = Folds(), 1.0
    if order.spec.folds >= 2:
        share = 1 / (order.spec.folds + 1)
        found = yield from scaled(_cross_validate(order, entry, parameters, prepared, threads), 0.0, 1 - share)
    training = _training(order, parameters, prepared, prepared.train_frame, prepared.train_values, threads)
    model = yield from scaled(entry.fit(training), 1 - share, 1.0)
    return model, found


def find_best(order: TrainOrder, prepared: Prepared, threads: int, memory: int) -> Generator[Step, None, Found]:
    """Auto: compares, tunes and combines within the spec's budget; or makes a recorded model again."""
    asked, notes = _auto_order(order, prepared, threads, memory)
    runner = _runner(order, threads)
    if order.spec.repeats:
        recorded = ModelStore(order.place.models).manifest(order.spec.repeats).recorded
        return (yield from repeat(asked, recorded, runner))
    found = yield from search(asked, runner)
    return replace(found, notes=(*found.notes, *notes))


def compare_share(
    order: TrainOrder, prepared: Prepared, memory: int, share: int, shares: int
) -> Generator[Step, None, tuple[Candidate, ...]]:
    """Auto's candidates that are this machine's share, compared within the spec's budget."""
    asked, _ = _auto_order(order, prepared, order.threads, memory)
    return (yield from compare(asked, share, shares, _runner(order, order.threads)))


def _auto_order(order: TrainOrder, prepared: Prepared, threads: int, memory: int) -> tuple[AutoOrder, tuple[str, ...]]:
    """And notes for the person."""
    scratch = order.place.job(order.job_id) / "unfinished-auto"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys, notes = prepared.train_keys, tuple[str, ...]()
    if not divides(keys):
        keys, notes = RowKeys(codes=keys.codes), (_AT_RANDOM,)
    asked = AutoOrder(
        frame=prepared.train_frame,
        columns=prepared.columns,
        values=prepared.train_values,
        task=prepared.target.task,
        classes=_class_count(prepared),
        keys=keys,
        seed=order.spec.seed,
        threads=threads,
        budget=order.spec.budget,
        memory=memory,
        compared=order.spec.compared,
        scratch=scratch,
    )
    return asked, notes


def _runner(order: TrainOrder, threads: int) -> Runner:
    """Tasks beside this one, on this machine; without Ray (a benchmark, a test) in this process."""
    import ray

    return RayRunner(dict(order.pin), threads, order.job_id) if ray.is_initialized() and order.pin else InlineRunner()


def _cross_validate(
    order: TrainOrder, entry: Entry, parameters: Parameters, prepared: Prepared, threads: int
) -> Generator[Step, None, Folds]:
    asked, frame, values = order.spec.folds, prepared.train_frame, prepared.train_values
    try:
        pairs = folds(prepared.train_keys, len(values), asked, order.spec.seed)
    except Refused as refused:  # what was asked for first can still be done
        return Folds(notes=(f"No cross-validation was made. {refused.problem.message}",))
    scores: list[dict[str, float]] = []
    for number, (fitted, checked) in enumerate(pairs):
        begin, end = number / len(pairs), (number + 1) / len(pairs)
        name = f"fold {number + 1} of {len(pairs)}"
        if prepared.target.classes and len(np.unique(values[fitted])) == 1:
            continue  # nothing to tell apart
        training = _training(order, parameters, prepared, frame.iloc[fitted], values[fitted], threads)
        model = yield from scaled(entry.fit(training), begin, end, f"{name}: ")
        scores.append(_scores(prepared, fitted, checked, model))
        yield Step(name=name, fraction=end, metrics=scores[-1])
    return _means(scores, tuple(_fold_notes(asked, len(pairs), len(scores))))


def _means(scores: list[dict[str, float]], notes: tuple[str, ...]) -> Folds:
    """Of the metrics that every fold has; what leaves the range of floating point is left out."""
    names = [name for name in scores[0] if all(name in score for score in scores)] if scores else []
    columns = {name: np.array([score[name] for score in scores]) for name in names}
    with np.errstate(over="ignore", invalid="ignore"):
        means = {name: float(found.mean()) for name, found in columns.items()}
        spread = {name: float(found.std(ddof=1)) for name, found in columns.items()} if len(scores) > 1 else {}
    return Folds(metrics=_finite(means), spread=_finite(spread), notes=notes)


def _finite(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _fold_notes(asked: int, made: int, fitted: int) -> Iterator[str]:
    if made < asked:
        yield f"The cross-validation has {made} instead of {asked} folds: there are too few rows, groups or times."
    if fitted < made:
        yield f"{made - fitted} of {made} folds were left out: their training rows have one class only."


def _scores(prepared: Prepared, fitted: Positions, checked: Positions, model: FittedModel) -> dict[str, float]:
    """Of the rows that were checked."""
    truth, outputs = prepared.train_values[checked], model.outputs(prepared.train_frame.iloc[checked])
    if prepared.target.classes:
        present = np.unique(prepared.train_values[fitted])
        outputs = spread(outputs.astype(np.float64), present, _class_count(prepared), len(fitted))
        return classification_metrics(truth.astype(np.int64), outputs)
    return regression_metrics(truth.astype(np.float64), outputs.astype(np.float64))


def _training(
    order: TrainOrder, parameters: Parameters, prepared: Prepared, frame: pd.DataFrame, values: Values, threads: int
) -> Training:
    """Of all training rows or some, with the classes that these have."""
    classes = 0
    if prepared.target.classes:
        present = np.unique(values)
        values, classes = recoded(values, present), len(present)
    return Training(
        frame=frame,
        columns=prepared.columns,
        values=values,
        task=prepared.target.task,
        classes=classes,
        parameters=parameters,
        seed=order.spec.seed,
        threads=threads,
    )


def _class_count(prepared: Prepared) -> int:
    return len(prepared.target.classes.labels) if prepared.target.classes else 0


def scaled(steps: Generator[Step, None, T], begin: float, end: float, prefix: str = "") -> Generator[Step, None, T]:
    """The steps with their fractions between `begin` and `end` of the whole."""
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        fraction = None if step.fraction is None else begin + (end - begin) * min(1.0, step.fraction)
        yield replace(step, name=prefix + step.name, fraction=fraction)


@contextmanager
def collected_warnings(notes: list[str]) -> Iterator[None]:
    """What the libraries warn of that a person can act on goes into `notes`; the rest is dropped."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    if any(warning.category.__name__ == "ConvergenceWarning" for warning in caught):
        notes.append("The training stopped before it settled; a larger max_iter may improve the model.")
