"""Forms that nobody came back to: they go, and the person is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot import amounts
from bot.callbacks import Verb, pack
from bot.door import Undeliverable
from bot.html import clip, fill
from bot.language import language_of, speaking, tr
from bot.messages import Button, Message
from bot.outbox import Outbox
from head.api import DRAFT_DAYS, Draft, HeadApi

logger = logging.getLogger(__name__)

#: Seconds between looks.
EVERY = 3600.0


async def expire(api: HeadApi, door: Callable[[str], Outbox | None]) -> None:
    """Told first, then dropped: told twice is better than never. A chat whose door is closed now hears nothing."""
    while expired := await api.expired_drafts():
        for person_id, draft in expired:
            with speaking(language_of(await api.person(person_id))):
                outbox, said = door(draft.chat_id), _farewell(draft)
            if outbox is not None and said is not None:
                try:
                    await outbox.send(draft.chat_id, said)
                except Undeliverable as error:
                    logger.info("the end of form %s cannot be told: %s", draft.id, error)
            await api.drop_draft(person_id, draft.id)


def _farewell(draft: Draft) -> Message | None:
    """None for what was only kept to look things up: a form that became a job, one without anything in it."""
    data = draft.fields.get("data")
    if draft.kind not in ("train", "predict") or draft.fields.get("job") or not isinstance(data, dict):
        return None
    file = clip(data.get("path") or data.get("name"), 100)
    days = amounts.plural(DRAFT_DAYS, "{n} day", "{n} days")
    said = fill("🗑 Your form on <code>{file}</code> was left alone for {days}, so it is gone.", file=file, days=days)
    fresh = Button(label=tr("Fresh form"), callback=pack(Verb.OPEN, draft.kind))
    return Message(text=said, rows=((fresh,),), silent=True, pushed=True)
