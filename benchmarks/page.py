"""The page in benchmarks/results/ that a run prints and keeps."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results")

Row = tuple[str, str, str]  #: what, how much, and what is to be said of that


def tell(name: str, rows: Sequence[Row], *packages: str, more: str = "", keep: bool = True) -> None:
    """Prints date, cores, versions and the rows; keeps them as `name`.md. `more`: what else one has to know."""
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{it} {version(it)}" for it in packages)])
    about = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {versions}{more}"
    table = "\n".join(["| what | measured | |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])
    print(f"{about}\n{table}")
    if keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(f"{about}\n\n{table}\n")
