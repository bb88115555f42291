"""Does the file say what the model says? Asked of rows that are made up of what the training rows held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs import dates
from ray_jobs.export.graphs.graph import not_for_onnx
from ray_jobs.manifest import Manifest, Seen
from ray_jobs.models import FittedModel
from ray_jobs.schema import Column
from ray_jobs.seen import numbers_of
from ray_jobs.store import check_outputs

_ROWS = 200
_GAPS = 0.15
#: Of a probability; of a number relative to it, where it is above 1.
TOLERANCE = 1e-4
_NEVER_SEEN = "a value that training never saw"


def check(content: bytes, manifest: Manifest, model: FittedModel) -> None:
    """Raises Refused(NO_EXPORT) where ONNX Runtime says something else than the model does, or ImportError."""
    import onnxruntime  # type: ignore[import-untyped]  # it has no types

    frame = made_up_rows(manifest)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}
    given = {name: values for name, values in tensors(frame, manifest.columns).items() if name in wanted}
    expected = model.outputs(frame)
    check_outputs(manifest, expected)
    found = np.asarray(session.run(None, given)[-1], dtype=np.float64).reshape(expected.shape)
    if not (np.abs(found - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected))).all():
        raise not_for_onnx("the file does not say the same as the model with the versions of the libraries here")


def tensors(frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, NDArray[Any]]:
    """A conformed frame as the file takes it."""
    found: dict[str, NDArray[Any]] = {}
    for column in columns:
        values = frame[column.name]
        if column.kind in ("category", "text"):
            flat: NDArray[Any] = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
        else:
            flat = numbers_of(values)
        found[column.name] = flat[:, None]
    return found


def made_up_rows(manifest: Manifest) -> pd.DataFrame:
    """Conformed, the same each time; gaps and values that training never saw among them."""
    rng = np.random.default_rng(0)
    seen = {each.name: each for each in manifest.seen}
    columns = {
        column.name: _column(column, seen.get(column.name, Seen(name=column.name, missing=0)), rng)
        for column in manifest.columns
    }
    return pd.DataFrame(columns)


def _column(column: Column, seen: Seen, rng: np.random.Generator) -> pd.Series:
    gaps = rng.random(_ROWS) < _GAPS
    if column.kind in ("category", "text"):
        names = np.array([*(name for name, _ in seen.categories), _NEVER_SEEN], dtype=object)
        return pd.Series(rng.choice(names, _ROWS), dtype="str").mask(gaps)
    if column.kind == "boolean":
        return pd.Series(rng.integers(0, 2, _ROWS).astype(np.float64)).mask(gaps)
    known = seen.quantiles or (-1.0, 0.0, 1.0)
    # Between the quantiles, on them, and a little beyond.
    values = np.interp(rng.uniform(-0.1, len(known) - 0.9, _ROWS), np.arange(len(known)), known)
    values = np.where(rng.random(_ROWS) < 0.2, rng.choice(known, _ROWS), values)
    numbers = pd.Series(values + (rng.random(_ROWS) < 0.05) * (known[-1] - known[0])).mask(gaps)
    if column.kind != "date":
        return numbers
    # Beyond the last date that any table has there is none: 9999-12-31, which means "no end", counts as it.
    near = numbers.clip(dates.FIRST.timestamp(), dates.LAST.timestamp())
    return pd.to_datetime(near, unit="s").astype(dates.DATE_TYPE)
