"""/users, for admins: who is in and who asks to be. Removing somebody takes a second tap below their name."""

from __future__ import annotations

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, lines
from bot.language import N_, tr
from bot.messages import Button, Message, Row
from bot.screens import groups
from bot.screens.listing import Listing
from head.api import UserView


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    """People from `offset` on, requests first; each has a button that opens their card."""
    if not chat.private:
        await groups.in_private(chat, fill("I only list people in our private chat."))
        return
    await _USERS.show(chat, chat.api.users, offset)


async def show(chat: Chat, person_id: str) -> None:
    """One person, and what an admin can do about them."""
    user = await chat.api.user(chat.person.id, person_id)
    admit = Button(label=tr("Admit"), callback=pack(Verb.ALLOW, user.id))
    refuse = Button(label=tr("Refuse"), callback=pack(Verb.REFUSE, user.id))
    remove = Button(label=tr("Remove"), callback=pack(Verb.OUST, user.id))
    rows: list[Row] = []
    if not user.admitted:
        rows.append((admit, refuse) if user.asked else (admit,))
    elif not user.admin:
        rows.append((remove,))
    rows.append((Button(label=tr("All users"), callback=pack(Verb.OPEN, "users")),))
    await chat.show(Message(text=_line(chat, user), rows=tuple(rows)))


async def oust(chat: Chat, person_id: str) -> None:
    """Asks, and says what would happen."""
    user = await chat.api.user(chat.person.id, person_id)
    open_jobs = user.running + user.queued
    question = lines(
        fill("Remove <b>{name}</b>? I answer them no more.", name=_name(user)),
        fill("Open jobs of theirs are cancelled: {count}.", count=open_jobs) if open_jobs else None,
        fill("Machines, files and models of theirs stay, and are theirs again when you admit them again."),
    )
    yes = Button(label=tr("Yes, remove"), callback=pack(Verb.REMOVE, user.id))
    keep = Button(label=tr("No, keep"), callback=pack(Verb.USER, user.id))
    await chat.show(Message(text=question, rows=((yes,), (keep,))))


def _line(chat: Chat, user: UserView) -> Html:
    return fill(
        "<b>{name}</b>: {role}\n{running} running, {queued} queued, known since {since}",
        name=_name(user),
        role=_role(chat, user),
        running=user.running,
        queued=user.queued,
        since=amounts.ago(user.since, chat.clock.now()),
    )


def _role(chat: Chat, user: UserView) -> Html:
    if user.asked is not None:
        return fill("🔔 asks to come in, {ago}", ago=amounts.ago(user.asked, chat.clock.now()))
    if user.admin:
        return fill("admin")
    return fill("admitted") if user.admitted else fill("outside")


def _name(user: UserView) -> str:
    return clip(user.name, 40) or user.id


def _button(user: UserView) -> Button:
    return Button(label=_name(user), callback=pack(Verb.USER, user.id))


_USERS = Listing[UserView](
    command="users", heading=N_("Users"), nothing=N_("Nobody is here yet."), line=_line, button=_button
)
