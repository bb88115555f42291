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


def served_person(everybody: list[Person], *, telegram: bool) -> Person | None:
    """The one person of an unsealed server: the console's, or of Telegram's the first admin, else the first."""
    if not telegram:
        return next((person for person in everybody if person.telegram_id is None), None)
    admitted = [person for person in everybody if person.telegram_id is not None and person.admitted]
    return min(admitted, key=lambda person: not person.admin, default=None)


def as_admitted(person: Person, served: Person | None) -> Person:
    """Who the person is on an unsealed server: the served one, or a stranger."""
    return person if served and person.id == served.id else replace(person, admitted=False, admin=False)
