"""What the readers of all formats have in common: a table comes as Arrow tables, one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
import pyarrow as pa

from ray_jobs.reading.arrow_types import is_bytes, text_of

#: The types of columns by their names, in the order wanted.
Types = Mapping[str, pa.DataType]


class Reader(ABC):
    """One table, in one file or several. The types are those of a sample, or of all rows where `whole`."""

    format: str
    columns: tuple[str, ...]
    types: dict[str, pa.DataType]
    kept_types: dict[str, pa.DataType] | None = None  #: for rows that are passed on without loss, where they differ
    gaps: frozenset[str]  #: columns that have missing values; those of the sample
    whole: bool

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}  #: sentences, in order
        self.misfits: Counter[str] = Counter()  #: of the last pass, values that were not of their column's type
        self.counted: int | None = None  #: rows, once somebody has counted them
        self._pool = pa.default_memory_pool()

    @abstractmethod
    def tables(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        """These columns in these types, all rows in order. What does not fit a type is null, and counted in
        `misfits`. Not `strict`, a piece may have float64 where int64 was asked for. Raises Refused.
        """

    @abstractmethod
    def sample(self, rows: int, seed: int) -> pa.Table:
        """About `rows` rows from all over, at most twice as many; all rows if there are no more than that."""

    @abstractmethod
    def rows(self) -> tuple[int, bool]:
        """How many rows there are, and whether that is exact."""

    @abstractmethod
    def bytes_in_memory(self) -> int:
        """About how many bytes the whole table takes as Arrow."""

    def table(self, columns: Sequence[str]) -> pa.Table:
        """The whole table. A column is text if one value is not of its type. Raises Refused."""
        types = {name: self.types[name] for name in columns}
        found = list(self._pass(types, strict=False))
        while self.misfits:
            changed = dict.fromkeys((name for name in columns if self.misfits[name]), pa.string())
            texts = list(self._pass(changed, strict=True))
            found = [_with(table, more) for table, more in zip(found, texts, strict=True)]
        empty = pa.schema(types).empty_table()
        return pa.concat_tables(found, promote_options="permissive") if found else empty

    def _pass(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        self.misfits.clear()
        # Arrow's own pool gives memory back and gets it anew all the time: a third of the time of a whole table. The
        # system's keeps it: piece by piece 40 MB more than Arrow's.
        self._pool = pa.default_memory_pool() if strict else pa.system_memory_pool()
        rows = 0
        for table in self.tables(types, strict=strict):
            rows += table.num_rows
            yield table
        self.counted = rows

    def batches(self, types: Types, rows: int) -> Iterator[pa.Table]:
        """The columns in pieces of `rows` rows, the last of fewer, in exactly these types. Raises Refused."""
        held: list[pa.Table] = []
        count = 0
        for table in self._pass(types, strict=True):
            held.append(table)
            count += table.num_rows
            while count >= rows:
                joined = pa.concat_tables(held)
                yield joined.slice(0, rows)
                held, count = [joined.slice(rows)], count - rows
        if count:
            yield pa.concat_tables(held)

    def stable_types(self) -> dict[str, pa.DataType]:
        """Types that every piece of the table can have, however it goes on below the sample."""
        if self.whole:
            # As the whole table has them: whole numbers with gaps are float64 in pandas.
            return {
                name: pa.float64()
                if pa.types.is_null(kind) or (pa.types.is_integer(kind) and name in self.gaps)
                else kind
                for name, kind in self.types.items()
            }
        return {
            name: pa.string() if pa.types.is_null(kind) else pa.float64() if pa.types.is_integer(kind) else kind
            for name, kind in self.types.items()
        }


def _with(table: pa.Table, changed: pa.Table) -> pa.Table:
    for name in changed.column_names:
        table = table.set_column(table.column_names.index(name), name, changed[name])
    return table


def in_pandas(table: pa.Table, *, emptying: bool = False) -> pd.DataFrame:
    """Columns without any value are of float64, bytes are text. `emptying` a table that nobody holds, so that each
    column is in memory but once; whoever touches it afterwards crashes.
    """
    for number, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(number, field.name, pa.nulls(table.num_rows, pa.float64()))
        elif is_bytes(field.type):
            table = table.set_column(number, field.name, text_of(table.column(number)))
    frame: pd.DataFrame = table.to_pandas(
        memory_pool=pa.system_memory_pool() if emptying else None,
        ignore_metadata=True,
        date_as_object=False,
        self_destruct=emptying,
    )
    return frame
