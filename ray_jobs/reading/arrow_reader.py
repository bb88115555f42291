"""Reading Parquet and Feather: one file, or many with the same columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from ray_jobs.problems import listed
from ray_jobs.reading.arrow_files import ArrowFile
from ray_jobs.reading.arrow_types import cast, common_type, plain_type
from ray_jobs.reading.names import tidy_names
from ray_jobs.reading.reader import Reader, Types

_EMPTY_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_LOOK_ROWS = 2000
#: So many groups of rows are looked at for a sample: enough to be from all over.
_GROUPS_LOOKED_AT = 48


@dataclass(frozen=True, kw_only=True)
class ArrowPart:
    """A file with what its folders' names (`year=2024`) say of it."""

    file: ArrowFile
    partition: dict[str, str | None]
    places: dict[str, int] = field(default_factory=dict)  #: of the columns in the file
    types: dict[str, pa.DataType] = field(default_factory=dict)
    decimals: dict[str, pa.DataType] = field(default_factory=dict)  #: columns whose digits a float does not hold
    left_out: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.places, *self.partition)


def arrow_part(file: ArrowFile, partition: Sequence[tuple[str, str]]) -> ArrowPart:
    """Which columns of the file are read: not those that hold lists or records, nor pandas' index."""
    schema = file.schema
    types = [plain_type(kind) for kind in schema.types]
    kept = [place for place, kind in enumerate(types) if kind and not schema.names[place].startswith("__index_level_")]
    names = tidy_names(schema.names[place] for place in kept)
    places = dict(zip(names, kept, strict=True))
    values = {key: None if value == _EMPTY_PARTITION else unquote(value) for key, value in partition}
    return ArrowPart(
        file=file,
        partition={key: value for key, value in values.items() if key not in names},
        places=places,
        types=dict(zip(names, (types[place] for place in kept), strict=True)),
        decimals={name: kind for name, place in places.items() if pa.types.is_decimal(kind := schema.types[place])},
        left_out=tuple(schema.names[place] for place, kind in enumerate(types) if kind is None),
    )


class ArrowReader(Reader):
    """A table whose columns have types of their own."""

    whole = False

    def __init__(self, parts: Sequence[ArrowPart], format: str) -> None:
        super().__init__()
        self.format = format
        self._parts = parts
        first = parts[0]
        self.columns = first.columns
        self.types = dict(first.types)
        for part in parts[1:]:
            for name in self.types:
                self.types[name] = common_type(self.types[name], part.types[name])
        mixed = [n for n, kind in self.types.items() if any(_becomes_text(part.types[n], kind) for part in parts)]
        for name in first.partition:
            self.types[name] = _partition_type([part.partition[name] for part in parts])
        alike = {n: kind for n, kind in first.decimals.items() if all(part.decimals.get(n) == kind for part in parts)}
        self.kept_types = {**self.types, **alike}
        self.counted = sum(part.file.rows for part in parts)
        if first.left_out:
            self.notes[f"Columns that hold lists or records were left out: {listed(first.left_out)}."] = None
        if mixed:
            self.notes[f"Columns of different types in different files were read as text: {listed(mixed)}."] = None

    @cached_property
    def gaps(self) -> frozenset[str]:  # type: ignore[override]  # found out only when it is asked for
        return frozenset(name for name in self.columns if any(_has_gaps(part, name) for part in self._parts))

    def rows(self) -> tuple[int, bool]:
        return self.counted or 0, True

    @cached_property
    def _look(self) -> pa.Table:
        return self.sample(_LOOK_ROWS, 0)

    def bytes_in_memory(self) -> int:
        return int(self._look.nbytes / max(1, self._look.num_rows) * (self.counted or 0))

    def stable_types(self) -> dict[str, pa.DataType]:
        return {
            name: pa.float64() if pa.types.is_null(kind) or (pa.types.is_integer(kind) and name in self.gaps) else kind
            for name, kind in self.types.items()
        }

    def tables(self, types: Types, *, strict: bool) -> Iterator[pa.Table]:
        for part in self._parts:
            for _, table in part.file.tables(self._places(part, types)):
                yield self._finished(part, table, types)

    def sample(self, rows: int, seed: int) -> pa.Table:
        """Rows at random from the groups, or from some of many."""
        random = np.random.default_rng(seed)
        groups = [(part, group) for part in self._parts for group in range(len(part.file.groups))]
        if (self.counted or 0) > rows:
            groups = _some(groups, rows, random)
        share = min(1.0, rows / max(1, sum(part.file.groups[group] for part, group in groups)))
        tables = []
        chosen: dict[int, list[int]] = {}
        for part, group in groups:
            chosen.setdefault(id(part), []).append(group)
        for part in (part for part in self._parts if id(part) in chosen):
            for _, table in part.file.tables(self._places(part, self.types), chosen[id(part)]):
                finished = self._finished(part, table, self.types)
                if share < 1:
                    finished = finished.take(pa.array(np.flatnonzero(random.random(table.num_rows) < share)))
                tables.append(finished)
        return pa.concat_tables(tables) if tables else pa.schema(self.types).empty_table()

    def _places(self, part: ArrowPart, types: Types) -> list[int]:
        # A table of no columns would not know its rows.
        return [part.places[name] for name in types if name in part.places] or [0]

    def _finished(self, part: ArrowPart, table: pa.Table, types: Types) -> pa.Table:
        stored = iter(table.columns)
        columns = []
        for name, kind in types.items():
            if name in part.places:
                column, beyond = cast(next(stored), kind)
                columns.append(column)
                if beyond:
                    note = f"Times in {listed([name])} that are too far away count as the farthest that can be."
                    self.notes[note] = None
            else:
                value = pa.scalar(part.partition[name], pa.string()).cast(kind)
                columns.append(pa.chunked_array([pa.repeat(value, table.num_rows)]))
        return pa.table(columns, names=list(types))


def _some(groups: list[tuple[ArrowPart, int]], rows: int, random: np.random.Generator) -> list[tuple[ArrowPart, int]]:
    """Groups from all over with more than `rows` rows, one of each stretch; the first and the last among them."""
    count = min(len(groups), _GROUPS_LOOKED_AT)
    while True:
        picked = ((np.arange(count) + random.random(count)) * len(groups) / count).astype(int)
        picked[0], picked[-1] = 0, len(groups) - 1
        some = [groups[at] for at in dict.fromkeys(picked.tolist())]
        if count == len(groups) or sum(part.file.groups[group] for part, group in some) >= rows:
            return groups if count == len(groups) else some
        count = min(len(groups), 2 * count)


def _has_gaps(part: ArrowPart, name: str) -> bool:
    if name in part.partition:
        return part.partition[name] is None
    kind = part.types[name]
    # Of other types a gap changes nothing.
    return (pa.types.is_integer(kind) or pa.types.is_boolean(kind)) and part.file.has_gaps(part.places[name])


def _becomes_text(was: pa.DataType, now: pa.DataType) -> bool:
    text = (pa.types.is_string, pa.types.is_large_string)
    return any(test(now) for test in text) and not any(test(was) for test in (*text, pa.types.is_null))


def _partition_type(values: list[str | None]) -> pa.DataType:
    found = [value for value in values if value is not None]
    whole = all(value.isascii() and value.isdecimal() and len(value) < 18 for value in found)
    codes = any(len(value) > 1 and value.startswith("0") for value in found)
    return pa.int64() if found and whole and not codes else pa.string()
