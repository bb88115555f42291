"""When no job begins on this machine, by its owner's wish."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from node_join.state import Limits

_SUPPLIES = Path("/sys/class/power_supply")


def paused(limits: Limits, now: datetime, *, on_battery: bool) -> str:
    """Why, for the owner and the chat; "" where jobs may begin. `now`: local time."""
    if limits.hours and not _within(limits.hours, now.hour):
        begin, end = limits.hours
        return f"Its owner gives it to jobs from {begin}:00 to {end}:00 only."
    if not limits.battery and on_battery:
        return "It runs on its battery, and its owner keeps that for other work."
    return ""


def _within(hours: tuple[int, int], hour: int) -> bool:
    begin, end = hours
    return begin <= hour < end if begin <= end else hour >= begin or hour < end


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """Whether the machine has mains power that is not there. A machine without a battery is never on it."""
    if sys.platform != "linux":
        import psutil  # Linux' environments are without it

        battery = psutil.sensors_battery()
        return battery is not None and battery.power_plugged is False
    kinds: dict[str, list[str]] = {}
    try:
        for supply in supplies.iterdir():
            kind = (supply / "type").read_text().strip()
            kinds.setdefault(kind, []).append(str(supply))
        online = [Path(supply, "online").read_text().strip() == "1" for supply in kinds.get("Mains", [])]
    except OSError:
        return False
    return "Battery" in kinds and bool(online) and not any(online)
