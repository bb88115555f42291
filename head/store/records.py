"""What the store hands out: frozen facts, never rows that are bound to a session. Times are timezone-aware, in UTC.

Secrets (`user_token`, `ray_token`) are kept out of `repr`, so that no log line shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from head.identity import loopback_address
from head.lifecycle import JobState
from head.rest import Rest
from ray_jobs.spec import Spec, TrainResult


@dataclass(frozen=True, kw_only=True)
class PoolRow:
    """One person's sealed Ray cluster."""

    id: str
    person_id: str
    user_token: str = field(repr=False)
    tag: str  #: the Ray resource derived from the user token: "u_..."
    ray_token: str = field(repr=False)  #: RAY_AUTH_TOKEN of the cluster
    revocations: int  #: of machines that know it; 0: none but the pool's own do
    created: datetime


@dataclass(frozen=True, kw_only=True)
class OfferRow:
    """A printed join command. Its token is known to the store as a hash only."""

    offer_id: str
    person_id: str
    expires: datetime
    used_at: datetime | None
    machine_id: str | None  #: once redeemed


@dataclass(frozen=True, kw_only=True)
class MachineRow:
    """A computer that redeemed a join token. Its public key is its identity from then on."""

    id: str
    pool_id: str
    person_id: str
    name: str
    public_key: str  #: base64 of the raw ed25519 key
    number: int  #: its place in the pool, 1, 2, 3, ...; never given twice
    facts: Mapping[str, object]  #: as the node agent last told them; hostile input, shown and never trusted
    created: datetime
    last_seen: datetime | None
    connected_since: datetime | None  #: None: no tunnel now
    revoked: datetime | None
    admitted: datetime | None  #: None: waits for `hayride-node admit` on another machine
    rest: Rest = Rest.NONE

    @property
    def address(self) -> str:
        """Its loopback address in the pool."""
        return loopback_address(self.number)


@dataclass(frozen=True, kw_only=True)
class Redeemed:
    """What redeeming a join token came to."""

    machine: MachineRow
    pool: PoolRow
    offer_id: str
    already: bool  #: the key had joined before: repaired, no twin


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A job: what was asked, and where it stands."""

    id: str
    person_id: str
    spec: Spec
    place: str  #: a machine's id, or "head"
    state: JobState
    then: str  #: a path to predict with the model that it trains; "" for none
    next_id: str  #: the job that this became
    acknowledged: int  #: n of the newest event that the agent was told to forget
    revision: int  #: grows with every change


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """A trained model; it lies at the place where its job ran."""

    id: str
    person_id: str
    job_id: str
    name: str
    version: int  #: of that name; the person's own count, which need not be the machine's
    data: str  #: the path or name of the table that it learned from; "" where another version of Hayride wrote it
    place: str
    created: datetime
    result: TrainResult


@dataclass(frozen=True, kw_only=True)
class UploadRow:
    """A file that was sent in the chat; it lies in the inbox of `place`."""

    id: str
    person_id: str
    name: str
    size: int  #: bytes
    place: str
    created: datetime
