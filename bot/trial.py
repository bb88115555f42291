"""The button that runs a test job on a machine."""

from __future__ import annotations

from datetime import datetime

from bot.callbacks import Verb, pack
from bot.language import tr
from bot.messages import Button

#: What a callback holds of a moment, in seconds.
_MOMENTS = 10**9


def test_button(machine_id: str, offered: datetime) -> Button:
    """Two taps of one button are one job; a button that was offered at another time is another job."""
    return Button(label=tr("Run a test job"), callback=pack(Verb.TEST, machine_id, int(offered.timestamp()) % _MOMENTS))


def request(machine_id: str, offered: int) -> str:
    """What a press of that button is known by."""
    return f"test:{machine_id}:{offered}"
