"""Rows typed in the chat to predict on, one a line: `age=41 plan=pro`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.arguments import parse, quoted
from head.api import RowsData

_BARE = re.compile(r"[^\W\d][\w.-]*")
_EXAMPLES = 3


def typed_rows(text: str) -> list[dict[str, str]]:
    """The rows; none where the text is something else, as a path is."""
    given = [parse(line) for line in text.splitlines() if line.strip()]
    return [] if any(line.words or not line.options for line in given) else [line.options for line in given]


def as_typed(data: RowsData) -> str:
    """The text that these rows are typed as."""
    return "\n".join(" ".join(f"{_key(name)}={quoted(value)}" for name, value in row.items()) for row in data.rows)


def example(names: Iterable[str]) -> str:
    """What a row of these columns looks like."""
    return " ".join(f"{_key(name)}=…" for name in list(names)[:_EXAMPLES])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'
