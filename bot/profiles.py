"""How a table's profile reads on a phone."""

from __future__ import annotations

from bot import amounts
from bot.html import Html, clip, fill, lines, text
from bot.language import N_, tr
from bot.machine_words import heard
from head.api import ColumnProfile, Profile

_COLUMNS = 12
_FINDINGS = 6
_KINDS = {
    "number": N_("numbers"),
    "code": N_("codes"),
    "boolean": N_("yes or no"),
    "category": N_("categories"),
    "date": N_("dates"),
    "text": N_("texts"),
    "identifier": N_("identifiers"),
    "constant": N_("one value"),
}


def profile_text(profile: Profile, name: str) -> Html:
    """Rows, what stands out, the columns, what could be predicted."""
    facts = profile.facts
    rows = amounts.plural(facts.rows, "{n} row", "{n} rows")
    if not facts.rows_exact:
        rows = tr("about {rows}", rows=rows)
    if facts.rows_sampled:
        rows = tr("{rows}, looked at {sampled} of them", rows=rows, sampled=amounts.number(facts.rows_sampled))
    more = len(facts.columns) - _COLUMNS
    return lines(
        fill(
            "✅ <b>{name}</b>: {rows}, {columns}, {size}",
            name=clip(name, 60),
            rows=rows,
            columns=amounts.plural(len(facts.columns), "{n} column", "{n} columns"),
            size=amounts.size(facts.bytes),
        ),
        text(
            amounts.plural(
                profile.duplicates, "{n} row is a copy of an earlier row.", "{n} rows are copies of an earlier row."
            )
        )
        if profile.duplicates
        else None,
        *(fill("⚠️ {message}", message=clip(heard(found.message), 200)) for found in profile.findings[:_FINDINGS]),
        Html(""),
        *(_column(column) for column in profile.columns[:_COLUMNS]),
        text(amounts.plural(more, "and {n} more column", "and {n} more columns")) if more > 0 else None,
        *_targets(profile),
    )


def _column(column: ColumnProfile) -> Html:
    facts = [tr(_KINDS[column.kind])]
    if column.quantiles:
        facts.append(tr("{low} to {high}", low=clip(column.quantiles[0], 20), high=clip(column.quantiles[-1], 20)))
    elif column.top:
        facts.append(", ".join(clip(value, 20) for value, _ in column.top[:3]))
    elif column.kind != "constant":
        facts.append(amounts.plural(column.distinct, "{n} different", "{n} different"))
    if column.missing:
        facts.append(amounts.plural(column.missing, "{n} missing", "{n} missing"))
    return fill("<b>{name}</b> {facts}", name=clip(column.name, 40), facts=", ".join(facts))


def _targets(profile: Profile) -> list[Html]:
    if profile.facts.target or not profile.facts.targets:
        return []
    first = profile.facts.targets[0]
    return [
        Html(""),
        fill("Could be predicted: <b>{name}</b>, {why}", name=clip(first.name, 60), why=clip(heard(first.reason), 160)),
    ]
