"""Which entries auto compares on a table, and what a fit of each costs, roughly: before anything was measured.

Keras networks are left out: their library takes longer to load than most searches last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from ray_jobs.auto.order import AutoOrder
from ray_jobs.catalogue import entries
from ray_jobs.schema import Column
from ray_jobs.spec import Parameter

#: Bytes that a worker takes with its libraries loaded and no table.
WORKER = 300 * 2**20
#: Copies of a matrix that a fit holds at its peak: the rows taken out, the matrix, its binned or scaled form.
_COPIES = 4
_ONE_HOT = 50
#: Of a forest with default settings: trees, and nodes of each for a row (measured: 0.2 for classes to 1.3 for numbers).
_TREES, _NODES = 100, 0.7
_SAMPLE = 20_000


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What is known of an entry beforehand. Rates were measured on one core, and are corrected while a search
    measures.
    """

    rate: float  #: seconds for a million cells (rows times columns)
    base: float = 0.1  #: seconds for any table
    by_class: bool = False  #: each class beyond two is another model
    simple: bool = False  #: few numbers that a person can read; preferred where nothing is clearly better
    one_hot: bool = False  #: categories become a column each
    deep: bool = False  #: trees down to single rows: they take more memory than the table
    fixed: Mapping[str, Parameter] = field(default_factory=dict)  #: parameters that are not left at their default
    most_rows: int | None = None  #: its time or memory grows with the square of the rows


#: In the order in which they begin: the cheap ones first. Names that the catalogue does not have are passed over.
TRAITS: dict[str, Traits] = {
    "dummy": Traits(rate=0.01),
    "linear_regression": Traits(rate=0.1, simple=True, one_hot=True),
    "ridge": Traits(rate=0.1, simple=True, one_hot=True),
    "logistic_regression": Traits(rate=0.2, by_class=True, simple=True, one_hot=True),
    "lasso": Traits(rate=0.3, simple=True, one_hot=True),
    "elastic_net": Traits(rate=0.3, simple=True, one_hot=True),
    "naive_bayes": Traits(rate=0.1, one_hot=True),
    "lightgbm": Traits(rate=5.0, base=0.2, by_class=True),
    # The slowest, and often the best: it begins early, and has a core to itself meanwhile.
    "catboost": Traits(rate=50.0, base=1.0, by_class=True, fixed={"iterations": 1000}),
    # Each of its trees is a file of its own in the saved model: 4,000 of them took longer to write than to grow.
    "hist_gradient_boosting": Traits(rate=8.0, base=0.3, by_class=True, fixed={"max_iter": 500}),
    "xgboost": Traits(rate=5.0, base=0.2, by_class=True),
    "extra_trees": Traits(rate=6.0, base=0.3, deep=True),
    "mlp": Traits(rate=0.6, base=0.3, one_hot=True),
    "random_forest": Traits(rate=12.0, base=0.3, deep=True),
    "svm": Traits(rate=0.7, one_hot=True, most_rows=5_000),
    "k_nearest_neighbors": Traits(rate=0.2, one_hot=True, most_rows=20_000),
    "polynomial": Traits(rate=0.6, one_hot=True, most_rows=20_000),
}
BASELINE = "dummy"


@dataclass(frozen=True)
class Size:
    """How large a table is to each kind of model."""

    order: AutoOrder

    @property
    def rows(self) -> int:
        return len(self.order.values)

    @cached_property
    def columns(self) -> int:
        return sum(_width(column, None) for column in self.order.columns)

    @cached_property
    def columns_one_hot(self) -> int:
        return sum(_width(column, self.order.frame[column.name]) for column in self.order.columns)

    def seconds(self, model: str, rows: int) -> float:
        """An estimate for one fit on one core."""
        traits = TRAITS[model]
        models = max(1, self.order.classes - 1) if traits.by_class else 1
        width = self.columns_one_hot if traits.one_hot else self.columns
        cells = rows * width / 1e6
        if traits.most_rows is not None:
            cells *= 1 + rows / traits.most_rows
        return traits.base + traits.rate * cells * models

    def bytes(self, model: str) -> int:
        """An estimate of what a fit takes beyond its worker."""
        width = self.columns_one_hot if TRAITS[model].one_hot else self.columns
        matrix = self.rows * width * 8 * _COPIES
        forest = _TREES * self.rows * _NODES * (64 + 8 * max(1, self.order.classes)) if TRAITS[model].deep else 0
        return int(matrix + forest)


def suitable(order: AutoOrder) -> tuple[str, ...]:
    """The entries to compare on that table, in the order in which they begin."""
    known = entries()
    rows = len(order.values)
    return tuple(
        name
        for name, traits in TRAITS.items()
        if name in known and order.task in known[name].tasks and (traits.most_rows is None or rows <= traits.most_rows)
    )


def dealt(models: tuple[str, ...], size: Size, share: int, shares: int) -> tuple[str, ...]:
    """One machine's share of them, dear and cheap ones mixed; the baseline, by which all are judged, is everybody's."""
    dearest_first = sorted(models, key=lambda model: -size.seconds(model, size.rows))
    mine = {BASELINE, *[model for model in dearest_first if model != BASELINE][share::shares]}
    return tuple(model for model in models if model in mine)


def simple(models: Iterable[str]) -> set[str]:
    """Those whose working a person can read."""
    return {model for model in models if TRAITS[model].simple}


def _width(column: Column, values: pd.Series | None) -> int:
    """Columns of the matrix that one column of the table becomes; `values` where categories are spread."""
    if column.kind == "category":
        return 1 if values is None else min(_ONE_HOT, int(values.iloc[:_SAMPLE].nunique()))
    return {"date": 7, "text": 17}.get(column.kind, 1)
