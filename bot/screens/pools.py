"""/pools, for admins: each person's cluster as it is seen from outside, and putting an idle one to sleep."""

from __future__ import annotations

from bot import amounts
from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, clip, fill, joined, text
from bot.language import N_, tr
from bot.messages import Button
from bot.screens import groups
from bot.screens.listing import Listing
from head.api import PoolView


async def open(chat: Chat, arguments: str) -> None:
    await page(chat, 0)


async def page(chat: Chat, offset: int) -> None:
    """Pools from `offset` on, awake ones first; an idle one has a button that ends its box."""
    if not chat.private:
        await groups.in_private(chat, fill("I only list pools in our private chat."))
        return
    await _POOLS.show(chat, chat.api.pools, offset)


async def sleep(chat: Chat, pool_id: str) -> None:
    await chat.api.put_to_sleep(chat.person.id, pool_id)
    await chat.alert("It sleeps, and wakes when it is needed.")
    await page(chat, 0)


def _line(chat: Chat, pool: PoolView) -> Html:
    facts = [
        fill("{size} of memory", size=amounts.memory(pool.memory)) if pool.memory is not None else None,
        text(amounts.plural(pool.machines, "{n} machine connected", "{n} machines connected")),
        text(amounts.plural(pool.jobs, "{n} job open", "{n} jobs open")),
    ]
    return fill(
        "{state} <b>{name}</b>\n{facts}",
        state=_state(chat, pool),
        name=clip(pool.name, 40) or pool.id,
        facts=joined(", ", [fact for fact in facts if fact is not None]),
    )


def _state(chat: Chat, pool: PoolView) -> Html:
    if pool.since is None:
        return fill("💤 never started:")
    since = amounts.ago(pool.since, chat.clock.now())
    return fill("🟢 awake since {since}:", since=since) if pool.awake else fill("💤 asleep since {since}:", since=since)


def _button(pool: PoolView) -> Button | None:
    """More than a tap: its label says whose, and what is put to sleep comes back by itself."""
    if not pool.idle:
        return None
    return Button(label=tr("Put to sleep: {name}", name=clip(pool.name, 24)), callback=pack(Verb.SLEEP, pool.id))


_POOLS = Listing[PoolView](
    command="pools",
    heading=N_("Pools"),
    nothing=N_("There is no pool yet. Everybody gets one with their first machine or file."),
    line=_line,
    button=_button,
)
