"""Telegram's HTML, read as strictly as its documentation has it; what Telegram would refuse raises ValueError."""

from __future__ import annotations

import re
from html import unescape

_TAGS = frozenset(
    {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "tg-spoiler", "span", "a", "code", "pre"}
)
_TOKEN = re.compile(r"<(/?)([a-z-]+)((?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>|&(#\d+|#x[0-9a-fA-F]+|[a-zA-Z]+);|([^<&]+)")
_NAMED = frozenset({"lt", "gt", "amp", "quot"})


def text_of(html: str) -> str:
    """The text without its looks."""
    open_tags: list[str] = []
    text = ""
    position = 0
    while position < len(html):
        match = _TOKEN.match(html, position)
        if match is None:
            raise ValueError(f"Bad Request: can't parse entities: unexpected character at {position}")
        closing, tag, attributes, entity, plain = match.groups()
        position = match.end()
        if plain is not None:
            text += plain
        elif entity is not None:
            if not entity.startswith("#") and entity not in _NAMED:
                raise ValueError(f"Bad Request: can't parse entities: unknown entity &{entity};")
            text += unescape(match[0])
        elif tag not in _TAGS:
            raise ValueError(f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        elif closing:
            if not open_tags or open_tags.pop() != tag:
                raise ValueError(f'Bad Request: can\'t parse entities: Unmatched end tag "{tag}"')
        else:
            if tag == "a" and "href=" not in attributes:
                raise ValueError("Bad Request: can't parse entities: a link without an address")
            open_tags.append(tag)
    if open_tags:
        raise ValueError(f"Bad Request: can't parse entities: Can't find end tag of \"{open_tags[-1]}\"")
    return text


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2
