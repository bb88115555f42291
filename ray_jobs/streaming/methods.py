"""Which models learn from all rows of a streamed table, and by which way; the others learn from a sample that fits."""

from __future__ import annotations

from typing import Any, Literal

from ray_jobs.catalogue import AUTO, Entry, entry_of

Method = Literal["boosting", "linear", "network", "sample"]

_METHODS: dict[str, Method] = {
    "lightgbm": "boosting",
    "linear_regression": "linear",
    "ridge": "linear",
    "lasso": "linear",
    "elastic_net": "linear",
    "logistic_regression": "linear",
    "keras": "network",
}


def method_of(entry_name: str, parameters: Any = None) -> Method:
    """How that model learns from a streamed table."""
    if getattr(parameters, "positive", False):  # no gradient descent that keeps coefficients above zero
        return "sample"
    return _METHODS.get(entry_name, "sample")


def can_stream(entry_name: str) -> bool:
    """Whether that model (`auto` too) learns from all rows of a table that does not fit in memory."""
    return entry_name == AUTO or method_of(entry_name) != "sample"


def streamed_entry(model: str) -> Entry:
    """The entry that learns where a spec names `model`: LightGBM for auto. Raises Refused(UNKNOWN_MODEL)."""
    return entry_of("lightgbm" if model == AUTO else model)
