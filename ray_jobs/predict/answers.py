"""The columns that a prediction adds."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ray_jobs.manifest import Interval, Manifest
from ray_jobs.models import Floats
from ray_jobs.predict.score import predicted_codes
from ray_jobs.problems import Refused, clip
from ray_jobs.spec import PredictSpec, ProblemCode
from ray_jobs.store import check_outputs
from ray_jobs.target import Label

#: What is added, by name, one value for each row; None where there is none.
Added = dict[str, list[Label] | list[str] | list[float]]

_DIGITS = 6


class Answers:
    """Names and values of the added columns, and how often each class was predicted."""

    def __init__(self, manifest: Manifest, spec: PredictSpec, taken: Collection[str]) -> None:
        """`taken`: the names of the input. Raises Refused(BAD_PARAMETER)."""
        self._manifest, self.threshold = manifest, spec.threshold
        self.interval = manifest.interval if manifest.classes is None else None
        self.labels = manifest.classes.labels if manifest.classes else ()
        # Labels that no column of whole numbers holds are text.
        large = any(isinstance(label, int) and label >= 2**63 for label in self.labels)
        self._written = tuple(map(str, self.labels)) if large else self.labels
        if spec.threshold is not None and len(self.labels) != 2:
            raise Refused(
                ProblemCode.BAD_PARAMETER,
                f"A threshold divides two classes; '{clip(manifest.target, 80)}' "
                f"{f'has {len(self.labels)}' if self.labels else 'is a number'}.",
                subject="threshold",
            )
        names = ["prediction", *(f"probability_{label}" for label in self.labels)]
        names += ["prediction_low", "prediction_high"] if self.interval else []
        self.reasons = spec.reasons
        names += [f"reason_{number}" for number in range(1, spec.reasons + 1)]
        self.names = free_names(names, taken)
        self.counts = np.zeros(len(self.labels), dtype=np.int64)

    def of(self, outputs: Floats) -> Added:
        """The answers to some rows, without reasons. Raises Refused(MODEL_DAMAGED)."""
        check_outputs(self._manifest, outputs)
        if self._manifest.classes is None:
            columns: list[list[Label] | list[str] | list[float]] = [outputs.tolist()]
            if self.interval:
                columns += _bounds(outputs, self.interval)
            return dict(zip(self.names, columns, strict=False))
        codes = predicted_codes(outputs, self.threshold)
        self.counts += np.bincount(codes, minlength=len(self.labels))
        rounded = np.round(outputs, _DIGITS)
        columns = [[self._written[code] for code in codes], *(column.tolist() for column in rounded.T)]
        return dict(zip(self.names, columns, strict=False))

    def counted(self) -> dict[str, int]:
        """Rows of each class that was predicted, most first; empty for regression."""
        order = np.argsort(-self.counts, kind="stable")
        counted: dict[str, int] = {}
        for code in order[self.counts[order] > 0]:
            name = clip(str(self.labels[code]))
            counted[name] = counted.get(name, 0) + int(self.counts[code])
        return counted


def _bounds(outputs: Floats, interval: Interval) -> list[list[float]]:
    """Lower and upper ends; beyond the range of floating point its last number, since not every format has infinity."""
    with np.errstate(over="ignore"):
        ends = (outputs - interval.below, outputs + interval.above)
    return [np.nan_to_num(end).tolist() for end in ends]


def scores_of(outputs: Floats, threshold: float | None) -> tuple[Floats, NDArray[np.int64] | None]:
    """What reasons explain: the number, or the probability of the predicted class and which one that is."""
    if outputs.ndim == 1:
        return outputs, None
    codes = predicted_codes(outputs, threshold)
    return outputs[np.arange(len(outputs)), codes], codes


def free_names(wanted: list[str], taken: Collection[str]) -> list[str]:
    """Each of `wanted`, or the first of name-2, name-3, ... that is neither taken nor another of them."""
    used, found = {*taken}, []
    for name in wanted:
        free = name if name not in used else next(f"{name}-{n}" for n in count(2) if f"{name}-{n}" not in used)
        used.add(free)
        found.append(free)
    return found
