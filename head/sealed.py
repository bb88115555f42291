"""Whether this server seals its boxes. One that does not serves one person only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from head.api import Person
from head.errors import SealingError
from head.settings import Settings
from sealing import seal_status


def sealed_or_refused(settings: Settings, *, telegram: bool, say: Callable[[str], None]) -> Settings:
    """The settings with `sealing` as it will be. A server for more than one person never runs unsealed by accident.

    Raises SealingError where Telegram's people would share a server that cannot make boxes.
    """
    if not settings.sealing:
        say("Boxes are NOT sealed (sealing: off): this server serves one person only.")
        return settings
    status = seal_status()
    if status.available:
        return settings
    if telegram:
        raise SealingError(
            f"No sealed box can be made here: {status.reason}",
            remedy=f"{status.remedy} Or set `sealing: off` to serve one person only.",
        )
    say(f"Boxes are NOT sealed: {status.reason} {status.remedy}")
    return settings.model_copy(update={"sealing": False})


def as_admitted(person: Person, everybody: list[Person]) -> Person:
    """Who the person is on an unsealed server: the first who was admitted there stays, everybody else is a stranger."""
    served = [other for other in everybody if other.admitted and other.telegram_id is not None]
    if person.telegram_id is None or (served and served[0].id == person.id):
        return person
    return replace(person, admitted=False, admin=False)
