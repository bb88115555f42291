"""The one module that makes HTML, and the only place where a value becomes part of a message.

`fill("<b>{name}</b>", name=anything)` escapes what it is given; only the template, a literal of ours, may hold tags,
and it alone is translated: a file called Cancel stays that.
Telegram knows few tags; ours are b, i, code and a. Doors that show no HTML take `runs` or `plain`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

from bot.language import template as translated

#: Telegram's limits, in UTF-16 units of what the reader sees.
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024

_TAGS = ("b", "i", "code", "a")


class Html(str):
    """Text that is ready to be sent: every value in it was escaped."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stretch of text with one look. `tags` from the outermost to the innermost; `url` belongs to an `a`."""

    text: str
    tags: tuple[str, ...] = ()
    url: str = ""


def clean(value: object) -> str:
    """The value as one line of harmless characters: no control characters, direction tricks or lone surrogates."""
    return "".join(_harmless(character) for character in str(value))


def _harmless(character: str) -> str:
    if character in "\n\r\t\u2028\u2029":
        return " "
    # Cc: control, Cs: surrogate, Cf: format (direction overrides, but also the joiner that emoji need).
    if unicodedata.category(character) in {"Cc", "Cs", "Cf"} and character != "\u200d":
        return "\N{REPLACEMENT CHARACTER}"
    return character


def clip(value: object, limit: int) -> str:
    """The cleaned value in at most `limit` UTF-16 units, with an ellipsis where something was cut off."""
    text = clean(value)
    return text if units(text) <= limit else _head(text, limit - 1) + "…"


def fill(template: str, **values: object) -> Html:
    """The template, a literal of ours, in the reader's language, with its `{names}` replaced: by `Html` as it is, by
    anything else cleaned and escaped.
    """
    ready = {name: value if isinstance(value, Html) else Html(escape(clean(value))) for name, value in values.items()}
    return Html(translated(template).format_map(ready))


def text(value: object) -> Html:
    """A value alone, escaped and never translated; for words of ours there is `fill`."""
    return Html(escape(clean(value)))


def lines(*parts: Html | None) -> Html:
    """The parts below each other; None is left out, an empty one makes an empty line."""
    return Html("\n".join(part for part in parts if part is not None))


def joined(separator: str, parts: Iterable[Html]) -> Html:
    """The parts side by side; the separator is a literal of ours."""
    return Html(separator.join(parts))


def units(value: str) -> int:
    """Length as Telegram counts: UTF-16 code units."""
    return len(value) + sum(1 for character in value if ord(character) > 0xFFFF)


def runs(html: Html) -> list[Run]:
    """The HTML as stretches of plain text with their looks."""
    parser = _Runs()
    parser.feed(html)
    parser.close()
    return parser.found


def plain(html: Html) -> str:
    """What a reader sees; a link whose words differ from its address is followed by the address."""
    return "".join(f"{run.text} ({run.url})" if run.url and run.url != run.text else run.text for run in runs(html))


def fit(html: Html, limit: int = TEXT_LIMIT) -> Html:
    """The HTML itself where it is short enough, else its beginning, well-formed, with an ellipsis."""
    found = runs(html)
    if sum(units(run.text) for run in found) <= limit:
        return html
    room, kept = limit - 1, []
    for run in found:
        part = _head(run.text, room)
        kept.append(Run(text=part, tags=run.tags, url=run.url))
        room -= units(part)
        if part != run.text:
            break
    return Html("".join(_markup(run) for run in kept) + "…")


def _markup(run: Run) -> str:
    html = escape(run.text)
    for tag in reversed(run.tags):
        html = f'<a href="{escape(run.url)}">{html}</a>' if tag == "a" else f"<{tag}>{html}</{tag}>"
    return html


def _head(value: str, limit: int) -> str:
    """As many whole characters as fit in `limit` UTF-16 units."""
    room = limit
    for index, character in enumerate(value):
        room -= units(character)
        if room < 0:
            return value[:index]
    return value


class _Runs(HTMLParser):
    """Collects runs; text of ours only, so there is nothing to repair."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Run] = []
        self._open: list[str] = []
        self._url = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise ValueError(f"<{tag}> is not one of our tags")
        self._open.append(tag)
        if tag == "a":
            self._url = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")
        if tag == "a":
            self._url = ""

    def handle_data(self, data: str) -> None:
        self.found.append(Run(text=data, tags=tuple(self._open), url=self._url))
