"""What a door of the chat needs to know; `head.api` hands it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(kw_only=True)
class Webhook:
    """How Telegram's updates come where they are brought to the gateway instead of asked for."""

    secret: str = field(repr=False)  #: Telegram sends it along with each update
    url: str = ""  #: known when the gateway listens
    #: Set by the door for as long as it takes updates; returns when the update is safe.
    take: Callable[[dict[str, object]], Awaitable[None]] | None = None

    async def bring(self, update: dict[str, object]) -> bool:
        """Hands an update over; False where the door does not take any just now."""
        if self.take is None:
            return False
        await self.take(update)
        return True


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """What a door of the chat needs to know."""

    files: Path  #: where the console saves documents and pictures
    train_time_limit: int = 600  #: seconds, where the form says nothing else
    predict_time_limit: int = 300
    telegram_token: str | None = field(default=None, repr=False)
    telegram_base_url: str | None = None  #: another Bot API server than Telegram's own
    webhook: Webhook | None = None  #: None: updates are asked for
