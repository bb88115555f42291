"""Fitted models: preprocessing and estimator as one thing, from a conformed data frame to numbers; and their files.

A model file can run code if it is opened carelessly. So: never a pickle; file names fixed here; skops files only with
the types named in `ray_jobs.trusted`; each library's own format for the rest (`.lgb` is LightGBM's text, `.ubj`
XGBoost's, `.cbm` CatBoost's), which holds numbers and no Python. A skops file would name Python classes and fill
their attributes, so the fewer of those the better; the libraries' formats predict the same to the last bit.

| kind | files |
|---|---|
| PipelineModel | model.skops |
| BoosterModel | preprocessing.skops, and model.lgb or model.ubj |
| CatBoostModel | preprocessing.skops, model.cbm |
| NetworkModel | preprocessing.skops, model.keras |
| EnsembleModel | ensemble.json, and the files of each member in member-0/, member-1/, ... |
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ray_jobs.features.table import coded_frame
from ray_jobs.libraries import library
from ray_jobs.problems import Refused
from ray_jobs.trusted import TRUSTED_TYPES

Floats = NDArray[np.float64]

_PIPELINE, _PREPROCESSING, _LIGHTGBM, _XGBOOST, _CATBOOST, _KERAS, _ENSEMBLE = (
    "model.skops",
    "preprocessing.skops",
    "model.lgb",
    "model.ubj",
    "model.cbm",
    "model.keras",
    "ensemble.json",
)
_MEMBER_FILE = re.compile(r"member-(\d{1,3})/([a-z]+\.[a-z]+)")
_MEMBER_FILES = {_PIPELINE, _PREPROCESSING, _LIGHTGBM, _XGBOOST, _CATBOOST, _KERAS}


class BadModelFiles(Exception):
    """A model's files are not what a model is made of; the text says why, after "is damaged: "."""


class FittedModel(Protocol):
    """What training makes and prediction uses."""

    @property
    def rounds(self) -> int | None:
        """Trees or epochs that it was trained for; None where there are none. Unknown of a loaded model."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the training, e.g. that it used fewer rows. Unknown of a loaded model."""

    def outputs(self, frame: pd.DataFrame) -> Floats:
        """Classification: (rows, classes) probabilities. Regression: (rows,) values."""

    def save(self, folder: Path) -> tuple[str, ...]:
        """Writes the model's files into the existing `folder`; returns their names, with "/" below a member's."""


@dataclass(frozen=True, kw_only=True)
class PipelineModel:
    """A scikit-learn pipeline that takes the frame."""

    pipeline: Any
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Floats:
        if hasattr(self.pipeline, "predict_proba"):
            return _shares(self.pipeline.predict_proba(frame))
        return np.asarray(self.pipeline.predict(frame), dtype=np.float64)

    def save(self, folder: Path) -> tuple[str, ...]:
        _dump(self.pipeline, folder / _PIPELINE)
        return (_PIPELINE,)


@dataclass(frozen=True, kw_only=True)
class BoosterModel:
    """A preprocessing in front of a LightGBM or XGBoost booster."""

    preprocessing: Any
    booster: Any  #: lightgbm.Booster or xgboost.Booster
    classes: int  #: 0 for regression
    target: Any = None  #: what undoes a scaling of the target
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Floats:
        matrix = self.preprocessing.transform(frame)
        # XGBoost's inplace_predict spares the copy into a DMatrix.
        predict = getattr(self.booster, "inplace_predict", self.booster.predict)
        found = np.asarray(predict(matrix))
        if self.classes:
            found = found.astype(np.float64)
            return np.column_stack([1.0 - found, found]) if found.ndim == 1 else _shares(found)
        return _undone(found, self.target)

    def save(self, folder: Path) -> tuple[str, ...]:
        name = _XGBOOST if hasattr(self.booster, "inplace_predict") else _LIGHTGBM
        _dump_preprocessing(self, folder)
        self.booster.save_model(str(folder / name))
        return (_PREPROCESSING, name)


@dataclass(frozen=True, kw_only=True)
class CatBoostModel:
    """A preprocessing that gives codes and numbers, in front of CatBoost."""

    preprocessing: Any
    booster: Any  #: catboost.CatBoost
    classes: int
    target: Any = None
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Floats:
        table = coded_frame(self.preprocessing.transform(frame), len(self.preprocessing.categories))
        if self.classes:
            return _shares(self.booster.predict(table, prediction_type="Probability"))
        return _undone(self.booster.predict(table), self.target)

    def save(self, folder: Path) -> tuple[str, ...]:
        _dump_preprocessing(self, folder)
        self.booster.save_model(str(folder / _CATBOOST), format="cbm")
        return (_PREPROCESSING, _CATBOOST)


@dataclass(frozen=True, kw_only=True)
class NetworkModel:
    """A preprocessing in front of a Keras network, whose last layer gives probabilities, or values that `target`
    makes the target's own again.
    """

    preprocessing: Any
    network: Any
    classes: int = 0
    target: Any = None
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Floats:
        matrix = np.asarray(self.preprocessing.transform(frame), dtype=np.float32)
        found = self.network.predict(matrix, batch_size=4096, verbose=0)
        return _shares(found) if self.classes else _undone(found[:, 0], self.target)

    def save(self, folder: Path) -> tuple[str, ...]:
        _dump_preprocessing(self, folder)
        with warnings.catch_warnings():
            # TensorFlow has not followed NumPy 2 everywhere.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.network.save(folder / _KERAS)
        return (_PREPROCESSING, _KERAS)


@dataclass(frozen=True, kw_only=True)
class EnsembleModel:
    """The weighted mean of what its members say."""

    members: tuple[FittedModel, ...]
    weights: tuple[float, ...]  #: one for each member; they sum to 1
    rounds: int | None = None
    notes: tuple[str, ...] = ()

    def outputs(self, frame: pd.DataFrame) -> Floats:
        total: Any = 0.0
        for member, weight in zip(self.members, self.weights, strict=True):
            total = total + weight * member.outputs(frame)
        return np.asarray(total, dtype=np.float64)

    def save(self, folder: Path) -> tuple[str, ...]:
        names = [_ENSEMBLE]
        (folder / _ENSEMBLE).write_text(_Weights(weights=self.weights).model_dump_json())
        for number, member in enumerate(self.members):
            (folder / f"member-{number}").mkdir(mode=0o700)
            names += [f"member-{number}/{name}" for name in member.save(folder / f"member-{number}")]
        return tuple(names)


def is_model_file(name: str) -> bool:
    """Whether a model may have a file of that name, relative to its folder."""
    if found := _MEMBER_FILE.fullmatch(name):
        return found[2] in _MEMBER_FILES
    return name == _ENSEMBLE or name in _MEMBER_FILES


def load_model(folder: Path, names: Iterable[str]) -> FittedModel:
    """Opens a model's files. Raises BadModelFiles, or Refused(TENSORFLOW_MISSING or LIBRARY_MISSING).

    `names` are those that `save` returned; the caller has checked each file's hash.
    """
    names = set(names)
    if not all(map(is_model_file, names)):
        raise BadModelFiles("it has files that no model has")
    try:
        return _load_ensemble(folder, names) if _ENSEMBLE in names else _load_single(folder, names)
    except (BadModelFiles, Refused):
        raise
    except Exception as error:  # whatever a broken file sets off in the library that reads it
        raise BadModelFiles("its files can't be opened") from error


class _Weights(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weights: tuple[float, ...] = Field(min_length=1, max_length=1000)


def _load_ensemble(folder: Path, names: set[str]) -> FittedModel:
    try:
        weights = _Weights.model_validate_json((folder / _ENSEMBLE).read_bytes()).weights
    except ValidationError as error:
        raise BadModelFiles("its weights can't be read") from error
    of_member: dict[int, set[str]] = {number: set() for number in range(len(weights))}
    for name in names - {_ENSEMBLE}:
        member = _MEMBER_FILE.fullmatch(name)
        if member is None or int(member[1]) not in of_member:
            raise BadModelFiles("it has files that belong to none of its members")
        of_member[int(member[1])].add(member[2])
    if any((folder / f"member-{number}").is_symlink() for number in of_member):
        raise BadModelFiles("a link stands in place of a member")
    members = [_load_single(folder / f"member-{number}", found) for number, found in of_member.items()]
    return EnsembleModel(members=tuple(members), weights=weights)


def _load_single(folder: Path, names: set[str]) -> FittedModel:
    if names == {_PIPELINE}:
        return PipelineModel(pipeline=_load_skops(folder / _PIPELINE))
    own = names - {_PREPROCESSING}
    if len(names) != 2 or len(own) != 1:
        raise BadModelFiles("files are missing, or there are too many")
    before = _load_skops(folder / _PREPROCESSING)
    if not isinstance(before, dict) or set(before) != {"preprocessing", "classes", "target"}:
        raise BadModelFiles("its preprocessing is something else")
    path = str(folder / (name := own.pop()))
    if name == _KERAS:
        from ray_jobs.catalogue.keras_network import load_keras

        return NetworkModel(network=load_keras().saving.load_model(path, safe_mode=True), **before)
    if name == _CATBOOST:
        return CatBoostModel(booster=library("catboost").CatBoost().load_model(path, format="cbm"), **before)
    if name == _LIGHTGBM:
        return BoosterModel(booster=library("lightgbm").Booster(model_file=path), **before)
    return BoosterModel(booster=library("xgboost").Booster(model_file=path), **before)


def _shares(found: Any) -> Floats:
    """Probabilities that sum to 1 in double precision: many libraries say them in single."""
    shares = np.asarray(found, dtype=np.float64)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _undone(found: Any, target: Any) -> Floats:
    return np.asarray(found if target is None else target.undo(found), dtype=np.float64)


def _dump_preprocessing(model: BoosterModel | CatBoostModel | NetworkModel, folder: Path) -> None:
    parts = {"preprocessing": model.preprocessing, "classes": model.classes, "target": model.target}
    _dump(parts, folder / _PREPROCESSING)


def _dump(value: Any, path: Path) -> None:
    import skops.io

    skops.io.dump(value, path)


def _load_skops(path: Path) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise BadModelFiles("it holds a type that models have no need of") from error
