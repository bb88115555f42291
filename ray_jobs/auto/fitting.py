"""One fit of one candidate: what a task of a search does."""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.absent import recoded, spread
from ray_jobs.auto.losses import Floats, told
from ray_jobs.auto.table import ALL, Positions, Table, open_table
from ray_jobs.catalogue import Held, Training, checked_parameters, entry_of
from ray_jobs.models import FittedModel
from ray_jobs.spec import Parameter

#: Loaded before the clock starts: the first fit of a worker must not count as a slow one.
_USUAL = ("sklearn.linear_model", "sklearn.ensemble", "ray_jobs.features")
_LIBRARIES = {
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
    "mlp": "sklearn.neural_network",
    "svm": "sklearn.svm",
}


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a task is told: plain values only."""

    candidate: str  #: its name in the leaderboard
    model: str  #: the catalogue entry
    parameters: dict[str, Parameter]
    folder: str  #: where the table was written
    part: str  #: the rows: a fold, or all of them
    seed: int
    threads: int
    rounds: int | None = None  #: exactly so many
    deadline: float | None = None  #: `time.monotonic()`, which all processes of a machine share
    memory: int | None = None  #: bytes that it may take beyond what its process has
    save: str = ""  #: a folder to write the model into; "": it is only checked


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What came of it: plain values again, and one number for each row of the part that was checked
    (ray_jobs.auto.losses).
    """

    seconds: float  #: of the fit alone
    rounds: int | None = None
    said: Floats = field(default_factory=lambda: np.empty(0))
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  #: of the model, for the person


def fit(order: Fit) -> Fitted:
    """Fits, and checks on the part's other rows or saves. Raises whatever the entry raises."""
    table = open_table(Path(order.folder))
    for library in (*_USUAL, *filter(None, [_LIBRARIES.get(order.model)])):
        importlib.import_module(library)
    rows, check = table.part(order.part)
    known = np.asarray(table.values[rows])
    # A fold can lack a class: the model is made for those it has.
    present = np.unique(known) if table.classes else known[:0]
    if table.classes and len(present) == 1:  # nothing to tell apart; on all rows there is
        outputs = spread(np.ones((len(check), 1)), present, table.classes, len(rows))
        return Fitted(seconds=0.0, said=told(table.task, outputs, np.asarray(table.values[check])))
    begun = time.perf_counter()
    with _quiet(), threadpool_limits(limits=order.threads), np.errstate(all="ignore"):
        model = _finished(entry_of(order.model).fit(_training(order, table, rows, check, known, present)))
        seconds = time.perf_counter() - begun
        rounds = model.rounds
        if order.save:
            return Fitted(seconds=seconds, rounds=rounds, files=_saved(model, Path(order.save)), notes=model.notes)
        outputs = model.outputs(table.frame.iloc[np.asarray(check)])
    if table.classes:
        outputs = spread(outputs, present, table.classes, len(rows))
    said = told(table.task, outputs, np.asarray(table.values[check]))
    return Fitted(seconds=seconds, rounds=rounds, said=said)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the libraries warn of is seen in the loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _training(
    order: Fit, table: Table, rows: Positions, check: Positions, known: NDArray[Any], present: NDArray[Any]
) -> Training:
    truth = np.asarray(table.values[check])
    if table.classes:
        kept = np.isin(truth, present)
        known, check, truth = recoded(known, present), check[kept], recoded(truth[kept], present)
    held = None
    if order.part != ALL and order.rounds is None and len(check):
        held = Held(frame=table.frame.iloc[np.asarray(check)], values=truth)
    return Training(
        frame=table.frame.iloc[np.asarray(rows)],
        columns=table.columns,
        values=known,
        task=table.task,
        classes=len(present),
        parameters=checked_parameters(entry_of(order.model), order.parameters),
        seed=order.seed,
        threads=order.threads,
        held=held,
        rounds=order.rounds,
        deadline=order.deadline,
    )


def _finished(fitting: Generator[Any, None, FittedModel]) -> FittedModel:
    while True:
        try:
            next(fitting)
        except StopIteration as end:
            model: FittedModel = end.value
            return model


def _saved(model: FittedModel, folder: Path) -> tuple[str, ...]:
    folder.mkdir(mode=0o700)
    return model.save(folder)
