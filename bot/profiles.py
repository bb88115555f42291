"""How a table's profile reads on a phone."""

from __future__ import annotations

from bot import amounts
from bot.html import Html, clip, fill, lines, text
from head.api import ColumnProfile, Profile

_COLUMNS = 12
_FINDINGS = 6
_KINDS = {
    "number": "numbers",
    "code": "codes",
    "boolean": "yes or no",
    "category": "categories",
    "date": "dates",
    "text": "texts",
    "identifier": "identifiers",
    "constant": "one value",
}


def profile_text(profile: Profile, name: str) -> Html:
    """Rows, what stands out, the columns, what could be predicted."""
    facts = profile.facts
    about = "" if facts.rows_exact else "about "
    sampled = f", looked at {amounts.number(facts.rows_sampled)} of them" if facts.rows_sampled else ""
    more = len(facts.columns) - _COLUMNS
    return lines(
        fill(
            "✅ <b>{name}</b>: {about}{rows}{sampled}, {columns}, {size}",
            name=clip(name, 60),
            about=about,
            rows=amounts.plural(facts.rows, "row"),
            sampled=sampled,
            columns=amounts.plural(len(facts.columns), "column"),
            size=amounts.size(facts.bytes),
        ),
        fill("{count} are copies of an earlier row.", count=amounts.plural(profile.duplicates, "row"))
        if profile.duplicates
        else None,
        *(fill("⚠️ {message}", message=clip(found.message, 200)) for found in profile.findings[:_FINDINGS]),
        Html(""),
        *(_column(column) for column in profile.columns[:_COLUMNS]),
        text(f"and {amounts.plural(more, 'more column')}") if more > 0 else None,
        *_targets(profile),
    )


def _column(column: ColumnProfile) -> Html:
    facts = [_KINDS[column.kind]]
    if column.quantiles:
        facts.append(f"{clip(column.quantiles[0], 20)} to {clip(column.quantiles[-1], 20)}")
    elif column.top:
        facts.append(", ".join(clip(value, 20) for value, _ in column.top[:3]))
    elif column.kind != "constant":
        facts.append(f"{amounts.number(column.distinct)} different")
    if column.missing:
        facts.append(f"{amounts.number(column.missing)} missing")
    return fill("<b>{name}</b> {facts}", name=clip(column.name, 40), facts=", ".join(facts))


def _targets(profile: Profile) -> list[Html]:
    if profile.facts.target or not profile.facts.targets:
        return []
    first = profile.facts.targets[0]
    return [
        Html(""),
        fill("Could be predicted: <b>{name}</b>, {why}", name=clip(first.name, 60), why=clip(first.reason, 160)),
    ]
