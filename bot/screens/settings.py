"""/settings: language, what is pushed, what is kept; and all of a person's data, to take along or to delete."""

from __future__ import annotations

from bot import amounts
from bot.callbacks import Callback, Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines
from bot.language import N_, language_of, speaking, tr
from bot.messages import Button, Message, Row
from head.api import Person

#: What the buttons say for each language, "" last.
_LANGUAGES = (("en", "English"), ("pt", "Português"), ("", N_("Automatic")))
#: More than anybody has, nearly: what is counted before all is deleted.
_COUNTED = 10_000


async def open(chat: Chat, arguments: str) -> None:
    await _show(chat, chat.person)


async def press(chat: Chat, callback: Callback) -> None:
    """A setting, or what is to be done with all data."""
    person_id, choice = chat.person.id, callback.choice
    languages = {code or "auto": code for code, _ in _LANGUAGES}
    if callback.id == "language" and choice in languages:
        person = await chat.api.prefer(person_id, language=languages[choice])
        with speaking(language_of(person)):
            await _show(chat, person)
    elif callback.id == "news" and choice in _SWITCH:
        await _show(chat, await chat.api.prefer(person_id, machine_news=_SWITCH[choice]))
    elif callback.id == "uploads" and choice in _SWITCH:
        await _show(chat, await chat.api.prefer(person_id, keep_uploads=_SWITCH[choice]))
    elif callback.id == "export":
        await _export(chat)
    elif callback.id == "erase":
        await (_erase(chat) if choice == "yes" else _doubt(chat))
    else:
        await chat.alert("That setting is not there any more. Send /settings again.")


_SWITCH = {"on": True, "off": False}


async def _show(chat: Chat, person: Person) -> None:
    news, keeps = person.machine_news, person.keep_uploads
    on = fill("🔔 I tell you, without a sound, when a machine comes or goes.")
    off = fill("🔕 I don't tell you when a machine comes or goes.")
    kept = fill("📎 Files that you send me are kept, also after the jobs that used them.")
    dropped = fill("📎 Files that you send me are deleted after the job that used them.")
    said = lines(
        fill("<b>Settings</b>"),
        fill("🌍 Language: {language}", language=tr(dict(_LANGUAGES).get(person.language, ""))),
        on if news else off,
        kept if keeps else dropped,
    )
    languages = tuple(
        Button(
            label=f"✓ {tr(label)}" if code == person.language else tr(label),
            callback=pack(Verb.SET, "language", 0, code or "auto"),
        )
        for code, label in _LANGUAGES
    )
    switch_news = Button(label=tr("Don't tell me of machines"), callback=pack(Verb.SET, "news", 0, "off"))
    if not news:
        switch_news = Button(label=tr("Tell me of machines"), callback=pack(Verb.SET, "news", 0, "on"))
    switch_keep = Button(label=tr("Keep files that I send"), callback=pack(Verb.SET, "uploads", 0, "on"))
    if keeps:
        switch_keep = Button(label=tr("Delete files after their job"), callback=pack(Verb.SET, "uploads", 0, "off"))
    rows: tuple[Row, ...] = (
        languages,
        (switch_news,),
        (switch_keep,),
        (Button(label=tr("Export all my data"), callback=pack(Verb.SET, "export")),),
        (Button(label=tr("Delete all my data"), callback=pack(Verb.SET, "erase")),),
    )
    await chat.show(Message(text=said, rows=rows))


async def _export(chat: Chat) -> None:
    if not chat.private:
        await chat.alert("I only send that in our private chat.")
        return
    async with chat.waiting(fill("Collecting your data…")):
        content = await chat.api.export(chat.person.id)
    said = lines(
        fill("All that this server has stored of you, {size}.", size=amounts.size(len(content))),
        fill("Your tables and models themselves lie on your machines; no key or token is in it."),
    )
    await chat.cards.send_file(chat.id, said, "hayride-my-data.json", content)


async def _doubt(chat: Chat) -> None:
    """Asks, and names what would go."""
    if not chat.private:
        await chat.alert("I only do that in our private chat.")
        return
    person = chat.person.id
    jobs = len(await chat.api.jobs(person, limit=_COUNTED))
    models = len(await chat.api.models(person, limit=_COUNTED))
    templates = len(await chat.api.templates(person, limit=_COUNTED))
    machines = await chat.api.machines(person)
    names = ", ".join(clip(it.name, 30) for it in machines[:12])
    counts = ", ".join(
        [
            amounts.plural(jobs, "{n} job", "{n} jobs"),
            amounts.plural(models, "{n} model", "{n} models"),
            amounts.plural(templates, "{n} template", "{n} templates"),
        ]
    )
    question = lines(
        fill("Delete <b>all your data</b> on this server: {counts}, forms and sent files?", counts=counts),
        fill("Open jobs are stopped, and what your pool holds is deleted. It cannot be undone."),
        fill("Your machines are cut off: {names}. What lies on them stays on them.", names=names) if machines else None,
        fill("To clear a machine too, type there: <code>hayride-node leave --purge</code>") if machines else None,
    )
    yes = Button(label=tr("Yes, delete all my data"), callback=pack(Verb.SET, "erase", 0, "yes"))
    take = Button(label=tr("Export it first"), callback=pack(Verb.SET, "export"))
    keep = Button(label=tr("Keep my data"), callback=pack(Verb.OPEN, "settings"))
    await chat.show(Message(text=question, rows=((yes,), (take,), (keep,))))


async def _erase(chat: Chat) -> None:
    if not chat.private:
        await chat.alert("I only do that in our private chat.")
        return
    async with chat.waiting(fill("Deleting your data…")):
        await chat.api.erase(chat.person.id)
    await chat.show(_gone(chat.person))


def _gone(person: Person) -> Html:
    return lines(
        fill("All your data on this server is deleted. Files and models on your own machines are as they were."),
        fill("You may still use this server: /start") if person.admitted else None,
    )
