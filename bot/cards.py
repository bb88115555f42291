"""The messages that follow a job: its card, and the one message at its end. Their ids are in the store, so that they
go on after a restart; every method may be called again for the same change without showing anything twice.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

from bot import results
from bot.door import Gone, Undeliverable
from bot.html import CAPTION_LIMIT, Html, fit
from bot.messages import Attachment, Message
from bot.outbox import Outbox
from head.api import (
    Clock,
    ExportResult,
    HeadApi,
    JobView,
    NotFoundError,
    PredictResult,
    PredictSpec,
    ProfileResult,
    TrainResult,
)

logger = logging.getLogger(__name__)

#: Telegram's limit for a document that a bot sends; the console holds to the same.
DOCUMENT_LIMIT = 50 * 1024 * 1024
#: Predictions of more rows are not fetched to be sent; they stay where they are.
ROWS_TO_SEND = 200_000


class Cards:
    """Draws jobs. `door` finds the way out for a chat id, or None where that door is not open in this run."""

    def __init__(
        self, api: HeadApi, clock: Clock, files: Path, door: Callable[[str], tuple[Outbox, bool] | None]
    ) -> None:
        self._api = api
        self._clock = clock
        self._files = files
        self._door = door
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def watch(self, person_id: str, chat_id: str, job_id: str, message_id: int, shown: Message) -> None:
        """From now on the message, which shows this, is a card of the job."""
        self._outbox(chat_id).stands(chat_id, message_id, shown)
        subject = f"job:{job_id}"
        if (chat_id, message_id) not in await self._api.cards(subject):
            await self._api.save_card(person_id, chat_id=chat_id, subject=subject, message_id=message_id)
        # What changed before the card was in the store has told nobody.
        await self.follow(person_id, job_id)

    async def follow(self, person_id: str, job_id: str) -> None:
        """Brings every card of the job up to date; at its end, sends the last message where it was not sent yet."""
        lock = self._locks.setdefault(job_id, asyncio.Lock())
        async with lock:
            shown = [(chat_id, id) for chat_id, id in await self._api.cards(f"job:{job_id}") if self._door(chat_id)]
            if not shown:
                return
            try:
                job = await self._api.job(person_id, job_id)
            except NotFoundError:
                return
            if job.status.ended:
                await self._end(job, shown)
                for chat_id in dict.fromkeys(chat_id for chat_id, _ in shown):
                    await self._go_on(job, chat_id)
                return
            message = results.card(job, self._clock.now())
            for chat_id, message_id in shown:
                self._outbox(chat_id).progress(chat_id, message_id, message)

    async def recover(self, person_id: str, chat_id: str, job_id: str) -> None:
        """Shows a job that no message of any chat shows in this one; its end, where that has come."""
        if (
            self._door(chat_id) is None
            or await self._api.cards(f"job:{job_id}")
            or await self._api.cards(f"end:{job_id}")
        ):
            return
        job = await self._api.job(person_id, job_id)
        if job.status.ended:
            await self._tell_end(job, chat_id)
            return
        await self._show(job, chat_id)

    async def _end(self, job: JobView, shown: list[tuple[str, int]]) -> None:
        told = {chat_id for chat_id, _ in await self._api.cards(f"end:{job.id}")}
        card = results.card(job, self._clock.now())
        for chat_id, message_id in shown:
            if chat_id in told:
                continue
            try:
                await self._outbox(chat_id).edit(chat_id, message_id, card)
            except (Gone, Undeliverable):
                logger.info("the card of job %s is gone; its end is told anyway", job.id)
        for chat_id in dict.fromkeys(chat_id for chat_id, _ in shown if chat_id not in told):
            await self._tell_end(job, chat_id)

    async def _go_on(self, job: JobView, chat_id: str) -> None:
        """Where another job follows this one, its card; once, however often it is looked at."""
        if not job.next_id or chat_id in {shown for shown, _ in await self._api.cards(f"job:{job.next_id}")}:
            return
        try:
            following = await self._api.job(job.person_id, job.next_id)
        except NotFoundError:
            logger.info("the job after %s is gone", job.id)
            return
        await self._show(following, chat_id)

    async def _show(self, job: JobView, chat_id: str) -> None:
        """A new message with the job's card, in full where a door prints a line only for what changes later."""
        card = replace(results.card(job, self._clock.now()), brief=None)
        try:
            message_id = await self._outbox(chat_id).send(chat_id, card)
        except Undeliverable as error:
            logger.info("job %s cannot be shown: %s", job.id, error)
            return
        await self.watch(job.person_id, chat_id, job.id, message_id, card)

    async def send_file(
        self, chat_id: str, said: Html, name: str, content: bytes, kind: Literal["photo", "document"] = "document"
    ) -> None:
        """A file of ours with a line about it. Raises Undeliverable."""
        path = self._files / f"{kind}-{secrets.token_hex(6)}" / safe_name(name)
        outbox, keeps_files = self._open_door(chat_id)
        await asyncio.to_thread(_write, path, content)
        try:
            await outbox.send(chat_id, Message(text=said, file=Attachment(kind=kind, path=path)))
        finally:
            if not keeps_files:
                await asyncio.to_thread(_remove, path)

    async def _tell_end(self, job: JobView, chat_id: str) -> None:
        """Exactly one new message. Kept only once it is there: told twice is better than never told."""
        message = replace(results.ending(job), pushed=True)
        file = await self._fetch(job)
        if file is not None and file.kind == "photo":
            message = replace(message, text=fit(message.text, CAPTION_LIMIT))
        outbox, keeps_files = self._open_door(chat_id)
        try:
            try:
                message_id = await outbox.send(chat_id, replace(message, file=file))
            except Undeliverable:
                if file is None:
                    raise
                # A picture that Telegram does not take must not cost the result.
                message_id = await outbox.send(chat_id, message)
        except Undeliverable as error:
            logger.warning("the end of job %s cannot be told: %s", job.id, error)
            message_id = 0
        finally:
            if file is not None and not keeps_files:
                _remove(file.path)
        await self._api.save_card(job.person_id, chat_id=chat_id, subject=f"end:{job.id}", message_id=message_id)

    async def _fetch(self, job: JobView) -> Attachment | None:
        """The picture of a training or profile, the file of a prediction or export; None where there is none, or it may
        not leave.
        """
        result = job.result
        if isinstance(result, TrainResult | ProfileResult) and result.pictures:
            kind, name = "photo", result.pictures[0]
        elif (isinstance(result, PredictResult) and _worth_sending(job, result)) or isinstance(result, ExportResult):
            kind, name = "document", result.file
        else:
            return None
        path = self._files / f"{job.id}-{secrets.token_hex(3)}" / safe_name(name)
        await asyncio.to_thread(path.parent.mkdir, parents=True, mode=0o700)
        try:
            await self._api.job_file(job.person_id, job.id, name, path)
        except Exception as error:  # whatever it is, it must not cost the result itself
            logger.info("no file with the end of job %s: %s", job.id, error)
            await asyncio.to_thread(_remove, path)
            return None
        if not 0 < (await asyncio.to_thread(path.stat)).st_size <= DOCUMENT_LIMIT:
            await asyncio.to_thread(_remove, path)
            return None
        return Attachment(kind="photo" if kind == "photo" else "document", path=path)

    def _outbox(self, chat_id: str) -> Outbox:
        return self._open_door(chat_id)[0]

    def _open_door(self, chat_id: str) -> tuple[Outbox, bool]:
        found = self._door(chat_id)
        if found is None:
            raise Undeliverable(f"no door is open for {chat_id.partition(':')[0]}")
        return found


def _worth_sending(job: JobView, result: PredictResult) -> bool:
    """What was typed is answered in the message itself."""
    typed = isinstance(job.spec, PredictSpec) and job.spec.data.kind == "rows"
    return not typed and result.rows <= ROWS_TO_SEND


def safe_name(name: str) -> str:
    """A plain file name: what came out of a box names no folder, hides nothing and fits."""
    kept = re.sub(r"[^\w.,()+ -]", "_", name.rpartition("/")[2]).lstrip(". -") or "file"
    return kept if len(kept.encode()) <= 120 else kept.encode()[-120:].decode(errors="ignore")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(0o600)
    path.write_bytes(content)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.rmdir()
