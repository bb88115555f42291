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
from typing import ClassVar

import telegram
from telegram import error as refusals
from telegram.constants import ChatAction, ChatType, ParseMode
from telegram.ext import Application, TypeHandler

from bot.commands import ADMIN_COMMANDS, COMMANDS, GROUP_COMMANDS, Command
from bot.door import Busy, Gone, Undeliverable
from bot.html import CAPTION_LIMIT, fit
from bot.language import ENGLISH, LANGUAGES, speaking, tr
from bot.messages import Button, CopyButton, Incoming, LinkButton, Message, Pressed, Row, Sent, Typed
from bot.pace import Rate
from bot.service import Bot
from bot.telegram_intake import Intake, TelegramRefused, listen, patiently, poll, seconds
from head.api import ChatSettings, Clock, HeadApi, Webhook

logger = logging.getLogger(__name__)

#: The library's own switch: waits come as timedelta, and no warning is raised in place of the error.
os.environ.setdefault("PTB_TIMEDELTA", "true")

_CHUNK = 1 << 16
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "no text in the message to edit")


async def run(api: HeadApi, settings: ChatSettings, clock: Clock) -> int:
    """Serves the chat until it is cancelled. Raises TelegramRefused for a token that Telegram does not know, or where
    another program uses the same bot."""
    bot = Bot(api, clock=clock, settings=settings)
    door = TelegramDoor(
        bot, token=settings.telegram_token or "", base_url=settings.telegram_base_url, webhook=settings.webhook
    )
    bot.attach(door)
    bot.start()
    try:
        await door.run()
    finally:
        await bot.close()
    return 0


class TelegramDoor:
    """Takes in updates and sends messages."""

    prefix: ClassVar[str] = "telegram"
    keeps_files: ClassVar[bool] = False
    #: Telegram's limits: 30 a second, 20 a minute in a group, 1 a second in a private chat with short bursts. Each with
    #: some room, since what counts is when it arrives there.
    rate: Rate | None = Rate(count=27, seconds=1.0)
    _GROUP: ClassVar[Rate] = Rate(count=19, seconds=60.0)
    _PRIVATE: ClassVar[Rate] = Rate(count=5, seconds=5.2)

    def __init__(self, bot: Bot, *, token: str, base_url: str | None = None, webhook: Webhook | None = None) -> None:
        # At INFO these write the address of each request, and the address holds the token.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self._bot = bot
        self._webhook = webhook
        self._offered: set[int] = set()  #: admins who have their menu
        builder = Application.builder().token(token)
        if base_url is not None:
            root = base_url.rstrip("/").removesuffix("/bot")
            builder = builder.base_url(f"{root}/bot").base_file_url(f"{root}/file/bot")
        self._application = builder.build()
        self._application.add_handler(TypeHandler(telegram.Update, self._update))

    async def run(self) -> None:
        """Until cancelled. Raises TelegramRefused."""
        application, api, clock = self._application, self._bot.api, self._bot.clock
        try:
            await patiently(application.initialize, clock)
            await self._introduce()
            if self._webhook is None:
                await poll(application.bot, Intake(api, application.process_update), clock)
            else:
                await listen(application.bot, self._webhook, Intake(api, application.process_update), clock)
        finally:
            await application.shutdown()
            await application.bot.shutdown()  # where the application was never let in

    async def _introduce(self) -> None:
        """The menus, in every language; no lock, and not worth failing for."""
        await self._offer(COMMANDS, telegram.BotCommandScopeDefault())
        await self._offer(GROUP_COMMANDS, telegram.BotCommandScopeAllGroupChats())

    async def _offer(self, commands: tuple[Command, ...], scope: telegram.BotCommandScope) -> None:
        with contextlib.suppress(refusals.TelegramError):
            for language in LANGUAGES:
                with speaking(language):
                    menu = [(it.name, tr(it.about)) for it in commands]
                # The one of no language is for everybody who speaks none of the others.
                code = None if language == ENGLISH else language
                await self._application.bot.set_my_commands(menu, scope=scope, language_code=code)

    # --- what comes in ---

    async def _update(self, update: telegram.Update, context: object) -> None:
        user, chat = update.effective_user, update.effective_chat
        what = self._what(update)
        if user is None or chat is None or user.is_bot or what is None:
            return
        private = chat.type == ChatType.PRIVATE
        if not private and update.message is not None and not self._for_us(update.message):
            return
        speaks = user.language_code or ""
        person = await self._bot.api.person_for_telegram(user.id, user.full_name, speaks=speaks)
        if person.admin and private and user.id not in self._offered:
            self._offered.add(user.id)
            await self._offer(COMMANDS + ADMIN_COMMANDS, telegram.BotCommandScopeChat(user.id))
        url = "" if private else self._application.bot.link
        chat_id = f"{self.prefix}:{chat.id}"
        self._bot.submit(Incoming(person=person, chat_id=chat_id, private=private, what=what, private_url=url))

    def _for_us(self, message: telegram.Message) -> bool:
        """In a group people talk to each other: ours are commands, unless they name another bot, and replies to us."""
        bot = self._application.bot
        first = (message.text or "").split(maxsplit=1)[:1]
        command, _, named = first[0].partition("@") if first else ("", "", "")
        if command.startswith("/"):
            return named.lower() in {"", bot.username.lower()}
        answered = message.reply_to_message
        return answered is not None and answered.from_user is not None and answered.from_user.id == bot.id

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

    def chat_rate(self, chat_id: str) -> Rate | None:
        return self._GROUP if _number(chat_id) < 0 else self._PRIVATE

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


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Telegram's refusals as ours."""
    try:
        yield
    except refusals.RetryAfter as busy:
        raise Busy(seconds(busy.retry_after)) from busy
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
