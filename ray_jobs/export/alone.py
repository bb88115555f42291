"""Predicts with the model in this folder, without Hayride: `python predict.py NEW.csv [PREDICTIONS.csv]`.

In Python: `from predict import predict; predict(frame)`. Needs what requirements.txt lists, in these versions; the
folder ray_jobs holds the steps that the model takes before and after its libraries.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from ray_jobs.models import load_model  # noqa: E402
from ray_jobs.schema import Column, conform  # noqa: E402
from ray_jobs.target import Classes  # noqa: E402


def predict(frame: pd.DataFrame, threshold: float | None = None) -> pd.DataFrame:
    """A row for each row of `frame`: the prediction, and probabilities of classes or the ends of the interval.

    threshold: the probability from which the second of two classes is predicted; None: the likelier one is.
    """
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    table, notes = conform(frame, tuple(Column(**column) for column in facts["columns"]))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    outputs = _load(facts["files"]).outputs(table)
    if facts["classes"] is None:
        found = {"prediction": outputs}
        if interval := facts["interval"]:
            found["prediction_low"] = outputs - interval["below"]
            found["prediction_high"] = outputs + interval["above"]
        return pd.DataFrame(found, index=frame.index)
    classes = Classes(labels=tuple(facts["classes"]))
    codes = outputs.argmax(axis=1) if threshold is None else (outputs[:, 1] >= threshold).astype(int)
    answers: dict[str, Any] = {"prediction": classes.decode(codes)}
    answers |= {f"probability_{label}": column for label, column in zip(classes.labels, outputs.T, strict=True)}
    return pd.DataFrame(answers, index=frame.index)


def _load(files: dict[str, str]) -> Any:
    """The model, once its files are found to be what was exported. Raises ValueError."""
    for name, expected in files.items():
        if hashlib.sha256((HERE / "model" / name).read_bytes()).hexdigest() != expected:
            raise ValueError(f"{name} is not the file that was exported")
    return load_model(HERE / "model", files)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    read = pd.read_parquet if sys.argv[1].endswith(".parquet") else pd.read_csv
    given = read(sys.argv[1])
    pd.concat([given, predict(given)], axis=1).to_csv(sys.argv[2] if len(sys.argv) > 2 else sys.stdout, index=False)
