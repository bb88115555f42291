"""Column names as Hayride uses them."""

from __future__ import annotations

from collections.abc import Iterable

from ray_jobs.problems import clip


def tidy_names(names: Iterable[object]) -> tuple[str, ...]:
    """Unique stripped strings of at most 256 characters: `column 3` for an empty name, `x.1` for a second `x`."""
    taken: dict[str, int] = {}  # with the last number given
    for number, original in enumerate(names, start=1):
        # A table may bring characters that no UTF-8 can hold.
        text = str(original).encode("utf-8", "replace").decode()
        base = name = clip(" ".join(text.split()), 240) or f"column {number}"
        while name in taken:
            taken[base] = taken.get(base, 0) + 1
            name = f"{base}.{taken[base]}"
        taken[name] = 0
    return tuple(taken)
