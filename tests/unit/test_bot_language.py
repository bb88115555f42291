"""Every text of the chat is in the catalogue, whole and translated; and numbers come in the reader's form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

from bot import amounts, machine_words, words
from bot.html import fill, plain, text
from bot.language import LANGUAGES, language_of, ntr, speaking, tr
from head.api import DataRefused, HayrideError, Person, Problem, ProblemCode
from tests.support import chat_texts

#: The same in both languages.
EQUAL = {
    " (classes)",
    "<code>hayride-node admit {code}</code>",
    '<code>on="{name}"</code>',
    "<i>id {id}</i>",
    "<i>job_{id}</i>",
    "F1 (macro)",
    "PR AUC",
    "RMSE",
    "ROC AUC",
    "R²",
    "{n} GPU",
    "{n} bytes",
}
SOURCE = chat_texts.found_in(chat_texts.sources())
CATALOGUES = dict(chat_texts.catalogues())


def _catalogue(language: str) -> Catalog:
    return chat_texts.read(language, CATALOGUES[language])


def _entries(language: str) -> list[Message]:
    return [message for message in _catalogue(language) if message.id]


def _ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def test_every_word_of_the_source_is_translated_where_it_is_said() -> None:
    assert SOURCE.wrong == []


def test_there_is_a_catalogue_for_every_language_but_english() -> None:
    assert {"en", *CATALOGUES} == set(LANGUAGES)


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_catalogue_has_what_the_source_says_and_nothing_else(language: str) -> None:
    """Where this fails: scripts/words, then translate what it lists."""
    assert {_ids(message) for message in _entries(language)} == SOURCE.texts


@pytest.mark.parametrize("language", CATALOGUES)
def test_everything_is_translated(language: str) -> None:
    plurals = _catalogue(language).num_plurals
    for message in _entries(language):
        ids, strings = _ids(message), _strings(message)
        assert len(strings) == (plurals if message.pluralizable else 1), ids
        assert all(strings), ids
        assert not message.fuzzy, ids
        if ids[0] not in EQUAL:
            assert strings != ids, ids
    assert all(any(ids[0] == it for ids in SOURCE.texts) for it in EQUAL), "one of EQUAL is said no more"


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_has_the_holes_tags_and_edges_of_its_text(language: str) -> None:
    for message in _entries(language):
        ids = _ids(message)
        for string in _strings(message):
            assert _holes(string) == _holes(ids[-1]), ids
            assert _tags(string) == _tags(ids[-1]), ids
            assert _edges(string) == _edges(ids[-1]), ids
            assert _commands(string) == _commands(ids[-1]), ids


def _holes(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _tags(template: str) -> list[str]:
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(tag)  # type: ignore[method-assign]
    parser.handle_endtag = lambda tag: found.append(f"/{tag}")  # type: ignore[method-assign]
    parser.feed(template)
    return sorted(found)


def _edges(template: str) -> tuple[str, str, int]:
    """Blanks at both ends, and the number of lines."""
    return template[: len(template) - len(template.lstrip())], template[len(template.rstrip()) :], template.count("\n")


def _commands(template: str) -> set[str]:
    """What is typed is the same in every language."""
    return set(re.findall(r"(?<![\w~/])/[a-z]+|~/[\w./]+|\w+=\w+|hayride-node \w+", template))


def test_a_value_is_never_translated() -> None:
    with speaking("pt"):
        assert text("Cancel") == "Cancel"
        assert fill("<b>{name}</b>", name="Cancel") == "<b>Cancel</b>"
        assert tr("Cancel") == "Cancelar"
    assert tr("Cancel") == "Cancel"


@pytest.mark.parametrize(
    ("chosen", "speaks", "language"),
    [("", "pt-BR", "pt"), ("", "pt-PT", "pt"), ("", "PT", "pt"), ("", "", "en"), ("", "de", "en"), ("", "ptx", "en"),
     ("en", "pt-BR", "en"), ("pt", "de", "pt")],
)  # fmt: skip
def test_the_chosen_language_goes_before_the_programs(chosen: str, speaks: str, language: str) -> None:
    person = Person(id="p", telegram_id=1, name="P", admin=False, admitted=True, language=chosen, speaks=speaks)
    assert language_of(person) == language


def test_portuguese_says_one_and_many() -> None:
    with speaking("pt"):
        assert [ntr("{n} row", "{n} rows", n) for n in (0, 1, 2)] == ["{n} linhas", "{n} linha", "{n} linhas"]
        assert amounts.plural(7043, "{n} row", "{n} rows") == "7.043 linhas"


def test_numbers_and_ages_come_in_the_readers_form() -> None:
    now = datetime(2026, 11, 28, 14, 2, tzinfo=UTC)
    said = {}
    for language in LANGUAGES:
        with speaking(language):
            said[language] = [
                amounts.metric(0.8614), amounts.metric(12345.6), amounts.size(1536), amounts.duration(3.24),
                amounts.ago(now - timedelta(hours=1), now), amounts.span(now - timedelta(days=2), now),
            ]  # fmt: skip
    assert said["en"] == ["0.861", "12,346", "1.5 kB", "3.2 s", "1 hour ago", "2 days"]
    assert said["pt"] == ["0,861", "12.346", "1,5 kB", "3,2 s", "há 1 hora", "2 dias"]


def test_what_a_machine_says_is_said_in_the_readers_words() -> None:
    with speaking("pt"):
        assert machine_words.heard("The disk is full.") == "O disco está cheio."
        assert machine_words.heard("Nobody said this before.") == "Nobody said this before."
    assert machine_words.heard("The disk is full.") == "The disk is full."


def test_a_problem_that_is_not_known_is_told_in_our_words_and_the_machines() -> None:
    problem = Problem(code=ProblemCode.FILE_EMPTY, message="x.csv is <odd>.")
    with speaking("pt"):
        assert plain(words.problem(problem)).splitlines()[0] == "⚠️ O arquivo está vazio. x.csv is <odd>."
        assert plain(words.error(DataRefused(problem))) == plain(words.problem(problem))
        assert plain(words.error(HayrideError("So."))).splitlines()[0] == "⚠️ Isso não pode ser feito. So."
    assert plain(words.problem(problem)).splitlines()[0] == "⚠️ x.csv is <odd>."
