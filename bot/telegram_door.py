"""The chat on Telegram: python-telegram-bot at the edge, nothing of it beyond this file.

Handlers only hand over and return. PTB does not hold to Telegram's limits, so texts are fitted here, and callbacks and
copy buttons refuse what is too long where they are made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import ClassVar

import telegram
from telegram import error as refusals
from telegram.constants import ChatAction, ChatType, ParseMode
from telegram.ext import Application, TypeHandler

from bot.commands import COMMANDS
from bot.door import Busy, Gone, Undeliverable
from bot.html import CAPTION_LIMIT, fit
from bot.language import ENGLISH, LANGUAGES, speaking, tr
from bot.messages import Button, CopyButton, Incoming, LinkButton, Message, Pressed, Row, Sent, Typed
from bot.service import Bot
from head.api import ChatSettings, Clock, HayrideError, HeadApi

logger = logging.getLogger(__name__)

#: The library's own switch: waits come as timedelta, and no warning is raised in place of the error.
os.environ.setdefault("PTB_TIMEDELTA", "true")

_CHUNK = 1 << 16
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "no text in the message to edit")


class TelegramRefused(HayrideError):
    """Telegram does not let this bot in."""

    code = "telegram_refused"


async def run(api: HeadApi, settings: ChatSettings, clock: Clock) -> int:
    """Serves the chat until it is cancelled. Raises TelegramRefused for a token that Telegram does not know."""
    bot = Bot(api, clock=clock, settings=settings)
    door = TelegramDoor(bot, token=settings.telegram_token or "", base_url=settings.telegram_base_url)
    bot.attach(door)
    bot.start()
    try:
        await door.run()
    finally:
        await bot.close()
    return 0


class TelegramDoor:
    """Polls for updates and sends messages."""

    prefix: ClassVar[str] = "telegram"
    keeps_files: ClassVar[bool] = False

    def __init__(self, bot: Bot, *, token: str, base_url: str | None = None) -> None:
        # At INFO these write the address of each request, and the address holds the token.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self._bot = bot
        builder = Application.builder().token(token)
        if base_url is not None:
            root = base_url.rstrip("/").removesuffix("/bot")
            builder = builder.base_url(f"{root}/bot").base_file_url(f"{root}/file/bot")
        self._application = builder.build()
        self._application.add_handler(TypeHandler(telegram.Update, self._update))

    async def run(self) -> None:
        """Until cancelled."""
        application = self._application
        await self._greet()
        try:
            await self._introduce()
            assert application.updater is not None
            await application.start()
            await application.updater.start_polling(
                allowed_updates=["message", "callback_query"], bootstrap_retries=-1, error_callback=_polling_failed
            )
            await asyncio.get_running_loop().create_future()
        finally:
            if application.updater is not None and application.updater.running:
                await application.updater.stop()
            if application.running:
                await application.stop()
            await application.shutdown()

    async def _greet(self) -> None:
        """Makes itself known to Telegram; waits for it where it cannot be reached."""
        pause = 1.0
        while True:
            try:
                await self._application.initialize()
                return
            except refusals.InvalidToken:
                await self._application.bot.shutdown()
                # Not chained: the library's message repeats the token.
                raise TelegramRefused(
                    "Telegram does not accept the bot token.", remedy="Take a fresh one from @BotFather and set it."
                ) from None
            except refusals.NetworkError as down:
                logger.warning("Telegram cannot be reached, trying again in %.0f s: %s", pause, down)
            await self._bot.clock.sleep(pause)
            pause = min(30.0, pause * 2)

    async def _introduce(self) -> None:
        """The menu; no lock, and not worth failing for."""
        for language in LANGUAGES:
            with speaking(language):
                menu = [telegram.BotCommand(it.name, tr(it.about)) for it in COMMANDS]
            # Those of no language are for everybody who speaks none of the others.
            code = None if language == ENGLISH else language
            with contextlib.suppress(refusals.TelegramError):
                await self._application.bot.set_my_commands(menu, language_code=code)

    # --- what comes in ---

    async def _update(self, update: telegram.Update, context: object) -> None:
        user, chat = update.effective_user, update.effective_chat
        what = self._what(update)
        if user is None or chat is None or user.is_bot or what is None:
            return
        person = await self._bot.api.person_for_telegram(user.id, user.full_name)
        private = chat.type == ChatType.PRIVATE
        chat_id = f"{self.prefix}:{chat.id}"
        language = user.language_code or ""
        self._bot.submit(Incoming(person=person, chat_id=chat_id, private=private, what=what, language=language))

    def _what(self, update: telegram.Update) -> Typed | Pressed | Sent | None:
        query, message = update.callback_query, update.message
        if query is not None:
            return self._pressed(query)
        if message is None:
            return None
        if message.document is not None:
            document = message.document
            name = document.file_name or "file"
            content = document.file_id
            return Sent(name=name, size=document.file_size or 0, content=lambda: self._content(content))
        return Typed(text=message.text) if message.text is not None else None

    def _pressed(self, query: telegram.CallbackQuery) -> Pressed:
        async def answer(words: str) -> None:
            # "Query is too old" is no error: the presser has moved on.
            with contextlib.suppress(refusals.TelegramError):
                await query.answer(text=words[:200] or None)

        message = query.message
        return Pressed(
            callback=query.data or "",
            message_id=message.message_id if message is not None else 0,
            editable=isinstance(message, telegram.Message) and message.text is not None,
            answer=answer,
        )

    async def _content(self, file_id: str) -> AsyncIterator[bytes]:
        try:
            file = await self._application.bot.get_file(file_id)
            body = await file.download_as_bytearray()
        except refusals.TelegramError as failure:
            raise TelegramRefused(tr("Telegram did not hand over the file."), remedy=tr("Send it again.")) from failure
        for start in range(0, len(body), _CHUNK):
            yield bytes(body[start : start + _CHUNK])

    # --- what goes out ---

    async def send(self, chat_id: str, message: Message) -> int:
        sent = 0
        with _translated():
            sent = await self._send(_number(chat_id), message)
        return sent

    async def _send(self, chat: int, message: Message) -> int:
        bot, file = self._application.bot, message.file
        markup, silent = _markup(message.rows), message.silent
        if file is None:
            sent = await bot.send_message(
                chat,
                fit(message.text),
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
                disable_notification=silent,
                link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
            )
            return sent.message_id
        content = await asyncio.to_thread(file.path.read_bytes)
        caption = fit(message.text, CAPTION_LIMIT)
        if file.kind == "photo":
            sent = await bot.send_photo(
                chat, content, caption=caption, parse_mode=ParseMode.HTML, reply_markup=markup,
                disable_notification=silent, filename=file.path.name,
            )  # fmt: skip
        else:
            sent = await bot.send_document(
                chat, content, caption=caption, parse_mode=ParseMode.HTML, reply_markup=markup,
                disable_notification=silent, filename=file.path.name,
            )  # fmt: skip
        return sent.message_id

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        with _translated():
            await self._application.bot.edit_message_text(
                fit(message.text),
                chat_id=_number(chat_id),
                message_id=message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=_markup(message.rows),
                link_preview_options=telegram.LinkPreviewOptions(is_disabled=True),
            )

    async def working(self, chat_id: str) -> None:
        with contextlib.suppress(refusals.TelegramError):
            await self._application.bot.send_chat_action(_number(chat_id), ChatAction.TYPING)


def _polling_failed(failure: refusals.TelegramError) -> None:
    """PTB goes on by itself; the log says why nothing comes."""
    if isinstance(failure, refusals.Conflict):
        logger.error("Another program polls this bot. Stop it, or give this server a bot token of its own.")
    else:
        logger.warning("Telegram cannot be reached: %s", failure)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Telegram's refusals as ours."""
    try:
        yield
    except refusals.RetryAfter as busy:
        wait = busy.retry_after
        raise Busy(wait.total_seconds() if isinstance(wait, timedelta) else float(wait)) from busy
    except refusals.Forbidden as blocked:
        raise Undeliverable(blocked.message) from blocked
    except refusals.BadRequest as bad:
        said = bad.message.lower()
        if "message is not modified" in said:
            return
        raise (Gone if any(words in said for words in _GONE) else Undeliverable)(bad.message) from bad
    except refusals.NetworkError as down:
        raise Busy(None) from down
    except refusals.TelegramError as other:
        raise Undeliverable(other.message) from other


def _number(chat_id: str) -> int:
    return int(chat_id.partition(":")[2])


def _markup(rows: tuple[Row, ...]) -> telegram.InlineKeyboardMarkup | None:
    return telegram.InlineKeyboardMarkup([[_button(button) for button in row] for row in rows]) if rows else None


def _button(button: Button | CopyButton | LinkButton) -> telegram.InlineKeyboardButton:
    if isinstance(button, Button):
        return telegram.InlineKeyboardButton(button.label, callback_data=button.callback)
    if isinstance(button, CopyButton):
        return telegram.InlineKeyboardButton(button.label, copy_text=telegram.CopyTextButton(button.text))
    return telegram.InlineKeyboardButton(button.label, url=button.url)
