"""What a file's ending says: how a table is written, and that it is packed. No reader is loaded by this."""

from __future__ import annotations

import os
from typing import Literal

Format = Literal["csv", "parquet", "excel", "jsonl", "feather"]

PARQUET = (".parquet", ".pq")
FORMATS: dict[str, Format] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), "csv"),
    **dict.fromkeys(PARQUET, "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".feather", ".arrow"), "feather"),
}
#: What may be packed; the others are by themselves.
TEXT: tuple[Format, ...] = ("csv", "jsonl")
_PACKED = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".zip")


def without_packing(name: str) -> str:
    """`sales.csv` for `sales.csv.gz`."""
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in _PACKED else name


def named_like_a_table(name: str) -> bool:
    """Whether there is a reader for a file of that name; one that is packed may have no other ending."""
    plain = without_packing(name)
    ending = os.path.splitext(plain)[1].lower()
    if plain == name:
        return ending in FORMATS
    return not ending or FORMATS.get(ending) in TEXT
