"""What the chat may ask for an admin, and of who may come in; part of `head.api.HeadApi`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class AccessRequest(StrEnum):
    """What became of a stranger's wish to come in."""

    NEW = "new"  #: noted; the admins have to be told
    WAITING = "waiting"  #: an admin has not answered yet
    DECLINED = "declined"  #: within the last day


@dataclass(frozen=True, kw_only=True)
class UserView:
    """A person as an admin sees them: nothing of what their jobs are about."""

    id: str
    name: str
    admin: bool
    admitted: bool
    since: datetime  #: first seen
    asked: datetime | None  #: their request waits since then
    running: int  #: jobs
    queued: int


@dataclass(frozen=True, kw_only=True)
class PoolView:
    """A person's pool as an admin sees it, measured from outside of its box."""

    id: str
    name: str  #: the person's
    awake: bool
    since: datetime | None  #: awake or asleep since; None: it never ran
    memory: int | None  #: bytes that its processes hold; None: asleep, or not to be measured here
    machines: int  #: connected
    jobs: int  #: that have not ended

    @property
    def idle(self) -> bool:
        return self.awake and not self.machines and not self.jobs


class AdminApi(Protocol):
    """Each method that takes an `admin_id` raises RefusedError for anybody else."""

    async def request_access(self, person_id: str) -> AccessRequest:
        """Notes that a stranger wants to come in. Raises RefusedError where too many wait already."""

    async def users(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[UserView]:
        """Who is in, wants to be or was: requests first, then the admins, then by age."""

    async def user(self, admin_id: str, person_id: str) -> UserView: ...

    async def pools(self, admin_id: str, *, limit: int = 8, offset: int = 0) -> list[PoolView]:
        """Awake ones first."""

    async def put_to_sleep(self, admin_id: str, pool_id: str) -> None:
        """Ends an idle pool's box; it wakes when it is needed. Raises RefusedError where it is in use."""

    async def allow_group(self, admin_id: str, chat_id: str, allowed: bool) -> None:
        """Whether a group chat is answered."""

    async def group_allowed(self, chat_id: str) -> bool: ...
