"""A form as a message: its fields, what was found in the file, what is in the way, and the buttons."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from bot import amounts, words
from bot.callbacks import Verb, pack
from bot.form import Form, Trouble
from bot.html import Html, clip, fill, lines, text
from bot.language import tr
from bot.machine_words import heard
from bot.messages import Button, Message, Row, in_rows
from bot.results import place_title
from head.api import Draft

#: Answers offered as buttons at once; the rest can be typed.
MOST_OPTIONS = 24
Option = tuple[str, str]  #: a button's label, and the text that pressing it stands for


@dataclass(frozen=True, kw_only=True)
class FormCard:
    """What is shown of a draft, [Run] always first."""

    draft: Draft
    form: Form
    heading: str
    body: list[Html]  #: the fields below the data
    fields: tuple[tuple[str, str], ...]  #: (name, button's label)
    question: Html | None  #: about the field that is asked for
    options: list[Option]
    browse: tuple[Row, ...] = ()  #: the ways to the data by buttons
    again: bool  #: a form of the kind was run before

    def message(self) -> Message:
        card = lines(
            fill("<b>{heading}</b>", heading=tr(self.heading)),
            *self._data(),
            *self.body,
            *self._warnings(),
            lines(Html(""), self.form.trouble.text) if self.form.trouble is not None else None,
            lines(Html(""), self.question) if self.question is not None else None,
        )
        return Message(text=card, rows=self._rows())

    def _data(self) -> list[Html]:
        form = self.form
        if form.data is None:
            return [fill("Data: not chosen yet")]
        where = place_title(form.place, form.place_name)
        data = fill("Data: <code>{file}</code>", file=clip(form.file, 300))
        shown = [fill("{data} on {where}", data=data, where=where) if form.place else data]
        if form.facts is not None:
            facts = form.facts
            rows = amounts.plural(facts.rows, "{n} row", "{n} rows")
            columns = amounts.plural(len(facts.columns), "{n} column", "{n} columns")
            shown.append(text(f"{rows}, {columns}, {amounts.size(facts.bytes)}"))
        if form.away:
            shown.append(
                fill("📡 {where} is away. The job can wait until it is back; the file is looked at then.", where=where)
            )
        return shown

    def _warnings(self) -> list[Html]:
        if self.form.facts is None:
            return []
        return [fill("⚠️ {warning}", warning=clip(heard(warning), 200)) for warning in self.form.facts.warnings[:5]]

    def _rows(self) -> tuple[Row, ...]:
        name = clip(self.form.place_name, 20)
        run = tr("Run when {name} is back", name=name) if self.form.away else tr("Run")
        first: list[Row] = [(self._button(run, Verb.RUN),)]
        if self.again:
            first.append((self._button(tr("Same as last time"), Verb.LAST),))
        cancel = self._button(tr("Cancel"), Verb.DROP)
        if self.draft.asking:
            picks = [
                self._button(clip(label, 40), Verb.PICK, str(index))
                for index, (label, _) in enumerate(self.options[:MOST_OPTIONS])
            ]
            return (*first, *self.browse, *in_rows(picks, 2), (self._button(tr("Back"), Verb.EDIT, "form"), cancel))
        edits = [self._button(tr(label), Verb.EDIT, name) for name, label in self.fields]
        return (*first, *in_rows(edits, 3), (cancel, self._button(tr("Save as template"), Verb.SAVE)))

    def _button(self, label: str, verb: Verb, choice: str = "") -> Button:
        return Button(label=label, callback=pack(verb, self.draft.id, self.draft.revision, choice))


def invalid(error: ValidationError) -> Trouble:
    """A value that the spec does not take; the forms check first, so this is the net below."""
    first = error.errors()[0]
    name = str(first["loc"][-1]) if first["loc"] else tr("a value")
    field = "settings" if name not in {"data", "target", "model"} else name
    said = words.three(
        text(f"{name}: {first['msg']}."), fill("Nothing was started."), fill("Correct it and run again.")
    )
    return Trouble(field=field, html=said)
