"""Who may come in: strangers ask, an admin answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.door import Undeliverable
from bot.html import clip, fill
from bot.language import language_of, speaking, tr
from bot.messages import Button, Message
from head.api import AccessRequest, Person


def home(person: Person) -> str:
    """The chat in which a person can be reached."""
    return "console" if person.telegram_id is None else f"telegram:{person.telegram_id}"


async def stranger(chat: Chat) -> None:
    """One polite line and a way in; nothing else happens for somebody who was not admitted."""
    if not chat.private:
        return
    ask = Button(label=tr("Request access"), callback=pack(Verb.ASK))
    await chat.show(Message(text=fill("This is a private Hayride server. An admin can let you in."), rows=((ask,),)))


async def ask(chat: Chat) -> None:
    """Tells every admin, once until one of them has answered, and a day after a no."""
    person = chat.person
    if person.admitted:
        await chat.show(fill("You are in already. Send /start"))
        return
    request = await chat.api.request_access(person.id)
    if request is AccessRequest.WAITING:
        await chat.alert("Your request is with the admins already.")
        return
    if request is AccessRequest.DECLINED:
        await chat.alert("An admin declined your request. You may ask again a day later.")
        return
    told = [await _tell(chat, admin, lambda: _question(person)) for admin in await chat.api.admins()]
    if any(told):
        await chat.show(fill("Your request is with the admins. I write to you as soon as one of them answers."))
    else:
        await chat.show(fill("No admin can be reached just now. Your request is kept until one of them looks."))


async def decide(chat: Chat, person_id: str, admitted: bool) -> None:
    """An admin's answer to a request; on an old message it lets nobody out who is in by now."""
    before = await chat.api.user(chat.person.id, person_id)
    name = clip(before.name, 60) or before.id
    if before.admitted:
        await chat.show(fill("<b>{name}</b> is in already. /users has them.", name=name))
        return
    person = await chat.api.admit(chat.person.id, person_id, admitted)
    if admitted:
        await chat.show(fill("<b>{name}</b> may use this server.", name=name))
        await _tell(chat, person, _welcome)
        return
    await chat.show(fill("<b>{name}</b> stays outside.", name=name))
    if before.asked is not None:
        await _tell(chat, person, lambda: Message(text=fill("An admin declined your request for now.")))


async def remove(chat: Chat, person_id: str) -> None:
    """After the question was answered with yes."""
    person = await chat.api.admit(chat.person.id, person_id, False)
    name = clip(person.name, 60) or person.id
    await chat.show(fill("<b>{name}</b> is removed; open jobs of theirs are being cancelled.", name=name))
    await _tell(chat, person, lambda: Message(text=fill("An admin removed you from this server.")))


def _question(person: Person) -> Message:
    allow = Button(label=tr("Allow"), callback=pack(Verb.ALLOW, person.id))
    refuse = Button(label=tr("Refuse"), callback=pack(Verb.REFUSE, person.id))
    name = clip(person.name, 60) or tr("Somebody")
    return Message(text=fill("<b>{name}</b> asks to use this server.", name=name), rows=((allow, refuse),))


def _welcome() -> Message:
    start = Button(label=tr("Start"), callback=pack(Verb.OPEN, "start"))
    return Message(text=fill("You are in. Welcome!"), rows=((start,),))


async def _tell(chat: Chat, person: Person, message: Callable[[], Message]) -> bool:
    """In the language of whom it is told; whether it could be."""
    outbox = chat.reach(home(person))
    if outbox is None:
        return False
    with speaking(language_of(person)):
        told = replace(message(), pushed=True)
    try:
        await outbox.send(home(person), told)
    except Undeliverable:
        return False
    return True
