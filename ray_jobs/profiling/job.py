"""The profile job: every column closely, what stands out, and a picture."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs.catalogue import Step
from ray_jobs.order import Order
from ray_jobs.profiling.columns import column_profile
from ray_jobs.profiling.copies import row_copies
from ray_jobs.profiling.first_look import FirstLook, first_look
from ray_jobs.profiling.kinds import Look
from ray_jobs.reading.source import open_source
from ray_jobs.schema import as_text, conform
from ray_jobs.spec import ColumnProfile, Kind, Profile, ProfileResult, ProfileSpec

PICTURE = "distributions.png"
_MOST_COLUMNS = 500
_MOST_DRAWN = 12
#: Bytes of the profile as JSON.
_MOST_BYTES = 200_000
#: What a column's values are cut down to, examples and commonest values, until the profile fits.
_CUTS = ((5, 10), (3, 5), (2, 3), (1, 1), (0, 0))


def profile(order: Order[ProfileSpec]) -> Generator[Step, None, ProfileResult]:
    """Looks at 100,000 rows of the table at most; `facts.rows_sampled` says so. Raises Refused."""
    yield Step(name="reading", fraction=0.0)
    with open_source(order.place, order.spec.data) as source, threadpool_limits(limits=order.threads):
        look = first_look(order.place, source, order.spec.target)
        yield Step(name="looking at every column", fraction=0.5)
        copies = row_copies(look.frame).copies
        columns = _columns(look, share_rows=order.place.share_rows)
    yield Step(name="drawing", fraction=0.8)
    folder = order.place.job(order.job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _draw(look, folder / PICTURE, share_rows=order.place.share_rows)
    whole = Profile(facts=look.facts, columns=columns, duplicates=copies, findings=look.findings)
    return ProfileResult(profile=bounded(whole), pictures=(PICTURE,))


def _columns(look: FirstLook, *, share_rows: bool) -> tuple[ColumnProfile, ...]:
    exact = not look.facts.rows_sampled
    return tuple(
        column_profile(look.frame[each.name], each, share_rows=share_rows, exact=exact)
        for each in look.looks[:_MOST_COLUMNS]
    )


def _draw(look: FirstLook, path: Path, *, share_rows: bool) -> None:
    """The target first, then columns that stand out, then the others; those of no use to a model last."""
    from ray_jobs.report.distributions import draw_distributions

    named = [name for finding in look.findings if finding.code in ("leak", "drift") for name in finding.columns]
    first = {name: rank for rank, name in enumerate(dict.fromkeys([look.target.name if look.target else "", *named]))}
    order = sorted(look.looks, key=lambda each: (bool(each.useless), first.get(each.name, len(first))))[:_MOST_DRAWN]
    shown = pd.DataFrame({each.name: _drawable(look.frame[each.name], each) for each in order})
    kinds: dict[str, Kind] = {each.name: each.kind for each in order}
    draw_distributions(path, shown, kinds, show_values=share_rows)


def _drawable(column: pd.Series, look: Look) -> pd.Series:
    if look.kind in ("number", "date"):
        return conform(column.to_frame(), (look.column,))[0].iloc[:, 0]
    return as_text(column)


def bounded(profile: Profile, limit: int = _MOST_BYTES) -> Profile:
    """Cut down until its JSON has at most `limit` bytes: values of columns first, then columns from the end."""
    for examples, top in _CUTS:
        columns = tuple(
            column.model_copy(update={"examples": column.examples[:examples], "top": column.top[:top]})
            for column in profile.columns
        )
        profile = profile.model_copy(update={"columns": columns})
        if _size(profile) <= limit:
            return profile
    while _size(profile) > limit and (profile.columns or profile.facts.columns):
        facts = profile.facts
        if len(profile.columns) >= len(facts.columns) / 4:
            profile = profile.model_copy(update={"columns": profile.columns[: len(profile.columns) // 2]})
        else:
            facts = facts.model_copy(update={"columns": facts.columns[: len(facts.columns) // 2]})
            profile = profile.model_copy(update={"facts": facts})
    return profile


def _size(profile: Profile) -> int:
    return len(profile.model_dump_json().encode())
