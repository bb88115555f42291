"""Classes that some rows to learn from lack: a group, a time or a fold may hold none of a rare class.

A model is made for the classes that are there, so what learns never meets an empty one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def recoded(codes: NDArray[Any], present: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of classes as positions among those that are present (ascending); -1 for the others."""
    places = np.searchsorted(present, codes).clip(max=len(present) - 1)
    return np.where(present[places] == codes, places, -1).astype(np.int64)


def spread(outputs: NDArray[np.float64], present: NDArray[Any], classes: int, rows: int) -> NDArray[np.float64]:
    """Probabilities for all classes, where some were absent from the fit on `rows` rows: each of those gets what one
    row among all would be.
    """
    if len(present) == classes:
        return outputs
    rare = 1 / (rows + classes)
    wide = np.full((len(outputs), classes), rare)
    wide[:, present] = outputs * (1 - rare * (classes - len(present)))
    return wide
