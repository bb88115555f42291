"""A person, what they keep here besides jobs and models, and how they take it along or have it deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

#: What a person may choose; "" leaves it to the door.
LANGUAGES = ("", "en", "pt")
#: Bytes of an export: what a chat passes on.
EXPORT_LIMIT = 20 * 1024 * 1024
#: Characters of a template's name.
TEMPLATE_NAME_LIMIT = 40


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may use this server. `id` is ours; `telegram_id` is None for the console's local person."""

    id: str
    telegram_id: int | None
    name: str
    admin: bool
    admitted: bool
    language: str = ""  #: "en", "pt"; "": as the door says
    speaks: str = ""  #: what their Telegram said last, as an IETF code ("pt-BR"); "" where it does not say
    machine_news: bool = True  #: is told, without a sound, when a machine comes or goes
    keep_uploads: bool = False  #: sent files outlive the jobs that used them


class Preferences(TypedDict, total=False):
    """What a person may change of themselves; named as in Person."""

    language: str
    machine_news: bool
    keep_uploads: bool


@dataclass(frozen=True, kw_only=True)
class Template:
    """A form under a name. `fields` is the chat's own JSON object; it holds names, never ids."""

    id: str
    name: str  #: unique among the person's
    kind: str  #: "train", "predict"
    fields: dict[str, object]
    created: datetime


class Belongings(Protocol):
    """The part of `head.api.HeadApi` that is about them."""

    async def person(self, person_id: str) -> Person:
        """Raises NotFoundError."""

    async def add_template(self, person_id: str, *, name: str, kind: str, fields: dict[str, object]) -> Template:
        """Raises RefusedError for a name that is none or taken, and where there are too many."""

    async def templates(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[Template]:
        """Newest first."""

    async def template(self, person_id: str, template_id: str) -> Template:
        """Raises NotFoundError."""

    async def rename_template(self, person_id: str, template_id: str, name: str) -> Template:
        """Raises NotFoundError, RefusedError for a name that is none or taken."""

    async def drop_template(self, person_id: str, template_id: str) -> None:
        """Does nothing where it is gone already."""

    async def prefer(self, person_id: str, **changes: Unpack[Preferences]) -> Person:
        """Changes what is given. Raises RefusedError for a language that is not among `LANGUAGES`."""

    async def export(self, person_id: str) -> bytes:
        """All that is stored of a person as one JSON object; without keys and tokens. At most `EXPORT_LIMIT` bytes: of
        more jobs than fit the newest are in it, and it says how many were left out.
        """

    async def erase(self, person_id: str) -> None:
        """Deletes all that is the person's: jobs end, machines are revoked, what the pool holds and every row goes. It
        goes on after a restart. What lies on machines stays there. Raises PoolUnavailable where it has to be tried
        again, which happens by itself.
        """
