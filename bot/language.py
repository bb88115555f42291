"""The reader's language. English is in the source; every other language is a catalogue in `locale/`.

Texts are looked up where they are put together, so whoever does that does it `speaking` the reader's language:
`Bot` around each answer and each change. Doors and outboxes get finished texts and know no language.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from head.api import Person

ENGLISH = "en"
#: Where there is a catalogue for.
LANGUAGES = (ENGLISH, "pt")
_LOCALE = Path(__file__).with_name("locale")

_reader: ContextVar[str] = ContextVar("reader", default=ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside, texts come out in that language, also in the tasks that are started there."""
    before = _reader.set(language)
    try:
        yield
    finally:
        _reader.reset(before)


def spoken() -> str:
    """The language that texts come out in just now."""
    return _reader.get()


def language_of(person: Person) -> str:
    """The one that the person chose, else the one that their Telegram speaks, else English."""
    if person.language in LANGUAGES:
        return person.language
    wanted = person.speaks.partition("-")[0].lower()
    return wanted if wanted in LANGUAGES else ENGLISH


def N_(message: str) -> str:
    """Marks a text of a table, which is translated where it is used."""
    return message


def tr(message: str, /, **values: object) -> str:
    """The text in the reader's language, plain, with its `{names}` replaced. For HTML see `bot.html.fill`."""
    return template(message).format_map(values)


def template(message: str) -> str:
    """The text in the reader's language as it stands in the catalogue, `{names}` and all."""
    return _catalogue(_reader.get()).gettext(message) if message else ""  # "" is a catalogue's own header


def ntr(one: str, many: str, count: int) -> str:
    """The text that goes with so many, by the plural rule of the reader's language."""
    return _catalogue(_reader.get()).ngettext(one, many, count)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Compiled in memory: nothing that is in two places can differ."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (_LOCALE / language / "LC_MESSAGES" / "hayride.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
