"""Join tokens: single-use, short-lived, known as hashes, good for nothing but exchanging a public key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from head.clock import Clock
from head.errors import JoinRefused, NotFoundError
from head.store.database import Database
from head.store.machines import admit_machine, machine_record
from head.store.pools import pool_of, pool_record
from head.store.records import OfferRow, Redeemed
from head.store.tables import JoinTokenTable

_REMEDY = "Send /connect for a fresh command."
#: Unused offers are kept this long after their end, so that the chat can still say what became of them.
_KEPT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Joins:
    database: Database
    clock: Clock

    async def create(self, *, offer_id: str, person_id: str, token_hash: str, expires: datetime) -> OfferRow:
        """Remembers a printed command; the token itself never comes here."""
        async with self.database.write() as session:
            old = (JoinTokenTable.expires < self.clock.now() - _KEPT, JoinTokenTable.used_at.is_(None))
            await session.execute(delete(JoinTokenTable).where(*old))
            row = JoinTokenTable(offer_id=offer_id, person_id=person_id, token_hash=token_hash, expires=expires)
            session.add(row)
            await session.flush()
            return _offer(row)

    async def state(self, person_id: str, offer_id: str) -> OfferRow:
        """How far one of the person's offers has come. Raises NotFoundError."""
        query = select(JoinTokenTable).where(JoinTokenTable.person_id == person_id, JoinTokenTable.offer_id == offer_id)
        async with self.database.read() as session:
            row = await session.scalar(query)
            if row is None:
                raise NotFoundError("That join command is gone.", remedy=_REMEDY)
            return _offer(row)

    async def unused(self, *, since: datetime) -> list[OfferRow]:
        """Everybody's offers that nobody has used, and that had not expired by then."""
        query = select(JoinTokenTable).where(JoinTokenTable.used_at.is_(None), JoinTokenTable.expires > since)
        async with self.database.read() as session:
            return [_offer(row) for row in await session.scalars(query)]

    async def redeem(self, *, token_hash: str, public_key: str, name: str, facts: Mapping[str, object]) -> Redeemed:
        """Exchanges a token for a machine's identity, once: of two who try at the same time one gets JoinRefused.

        A key that is in the pool already keeps its machine. Raises JoinRefused for a used, expired or invented token.
        """
        now = self.clock.now()
        async with self.database.write() as session:
            token = await session.scalar(select(JoinTokenTable).where(JoinTokenTable.token_hash == token_hash))
            if token is None:
                raise JoinRefused("This join token is not one of ours.", remedy=_REMEDY)
            if token.used_at is not None:
                raise JoinRefused("This join token was used before.", remedy=_REMEDY)
            if token.expires <= now:
                raise JoinRefused("This join token has expired.", remedy=_REMEDY)
            pool = await pool_of(session, token.person_id, self.clock)
            machine, already = await admit_machine(
                session, pool, public_key=public_key, name=name, facts=facts, now=now
            )
            token.used_at, token.machine_id = now, machine.id
            return Redeemed(
                machine=machine_record(machine), pool=pool_record(pool), offer_id=token.offer_id, already=already
            )


def _offer(row: JoinTokenTable) -> OfferRow:
    return OfferRow(
        offer_id=row.offer_id,
        person_id=row.person_id,
        expires=row.expires,
        used_at=row.used_at,
        machine_id=row.machine_id,
    )
