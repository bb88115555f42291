"""People's machines: the join command, who is connected, revoking."""

from __future__ import annotations

import asyncio
import logging
import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from head.api import HEAD, Change, JobStatus, JoinOffer, JoinState, MachineState, MachineView, Rest
from head.changes import Changes
from head.clock import Clock
from head.errors import HayrideError, JobRefused, JoinRefused, RefusedError, TunnelRefused
from head.gateway.messages import PROTOCOL, Facts, MachineName
from head.gateway.services import HeartbeatAnswer
from head.identity import admission_code, digest, new_id, new_token
from head.pools import Pools
from head.settings import Settings, is_loopback
from head.store.records import MachineRow
from head.store.store import Store

log = logging.getLogger(__name__)

#: The node agent's heart beats every 5 s; three that are missing make a machine unreachable.
SILENT_AFTER = 15.0
#: A sign of life is written down this often, seconds; in between it is only remembered.
WRITE_EVERY = 30.0
#: The copy button of the chat takes no more.
COMMAND_LIMIT = 256
_NAME: TypeAdapter[str] = TypeAdapter(MachineName)


@dataclass(frozen=True, kw_only=True)
class Contact:
    """What is known of a live tunnel."""

    person_id: str
    heard: float  #: monotonic seconds
    written: float
    joined: bool = False  #: its Ray node is in the pool
    facts: Facts | None = None
    rest: Rest = Rest.NONE


class Machines:
    """State of the machines beyond what is stored: which are in contact now."""

    def __init__(self, *, settings: Settings, store: Store, pools: Pools, changes: Changes, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._pools = pools
        self._changes = changes
        self._clock = clock
        self._contacts: dict[str, Contact] = {}
        self._warming: set[asyncio.Task[None]] = set()

    # --- joining ---

    async def offer(self, person_id: str, url: str) -> JoinOffer:
        """A fresh single-use join command for a gateway at `url`."""
        if not self._settings.joining:
            raise JoinRefused("Joining is switched off on this server.", remedy="Ask its operator to switch it on.")
        token = new_token()
        expires = self._clock.now() + timedelta(seconds=self._settings.join_token_seconds)
        row = await self._store.joins.create(
            offer_id=new_id(), person_id=person_id, token_hash=digest(token), expires=expires
        )
        parts = urlsplit(url)
        insecure = "" if parts.scheme == "https" or is_loopback(parts.hostname or "") else " --insecure"
        command = f"curl -fsSL {shlex.quote(url + '/worker')} | python3 - --token={token}{insecure}"
        if len(command) > COMMAND_LIMIT:
            raise JoinRefused("The server's public_url is too long for a join command.", remedy="Choose a shorter one.")
        return JoinOffer(offer_id=row.offer_id, command=command, expires=expires)

    async def join_state(self, person_id: str, offer_id: str) -> tuple[JoinState, MachineView | None]:
        offer = await self._store.joins.state(person_id, offer_id)
        if offer.machine_id is None:
            expired = self._clock.now() >= offer.expires
            return (JoinState.EXPIRED if expired else JoinState.WAITING), None
        view = await self.view(await self._store.machines.get(person_id, offer.machine_id))
        if view.state is MachineState.CONNECTED:
            return JoinState.JOINED, view
        if offer.machine_id in self._contacts or view.last_seen is not None:
            return JoinState.CONNECTING, view
        return JoinState.INSTALLING, view

    # --- contact, told by the gateway ---

    async def opened(self, machine_id: str) -> None:
        machine = await self._store.machines.find(machine_id)
        if machine is None or machine.revoked:
            return  # revoked while its door was being opened; its first heartbeat is refused
        now = self._clock.monotonic()
        self._contacts[machine_id] = Contact(person_id=machine.person_id, heard=now, written=now, rest=machine.rest)
        await self._store.machines.connected(machine_id)
        await self._tell(machine_id)

    async def closed(self, machine_id: str) -> None:
        self._contacts.pop(machine_id, None)
        await self._store.machines.disconnected(machine_id, last_seen=self._clock.now())
        await self._tell(machine_id)

    async def heartbeat(self, machine_id: str, facts: Facts) -> HeartbeatAnswer:
        """Notes a sign of life. Raises TunnelRefused for a machine that was revoked."""
        machine = await self._store.machines.find(machine_id)
        if machine is None or machine.revoked:
            raise TunnelRefused("This machine was removed from its pool.", remedy="Join again with a fresh /connect.")
        now = self._clock.monotonic()
        before = self._contacts.get(machine_id)
        if before is None:
            return HeartbeatAnswer(joined=False, jobs=0, paused=False)  # its tunnel has ended meanwhile
        joined = before.joined or await self._in_pool(machine)
        if machine_id not in self._contacts:
            return HeartbeatAnswer(joined=False, jobs=0, paused=False)  # as above, while we asked
        contact = replace(before, heard=now, joined=joined, facts=facts)
        if now - contact.written >= WRITE_EVERY or before.facts is None:
            await self._store.machines.saw(machine_id, facts=facts.model_dump(mode="json"))
            contact = replace(contact, written=now)
        self._contacts[machine_id] = contact
        paused = bool(facts.paused)
        if joined and (not before.joined or paused != bool(before.facts and before.facts.paused)):
            await self._tell(machine_id)
        if joined and not before.joined:
            warming = asyncio.create_task(self._warm(machine))
            self._warming.add(warming)
            warming.add_done_callback(self._warming.discard)
        # Counted after the pause was noted: a job that began before it is among them.
        return HeartbeatAnswer(joined=joined, jobs=await self._store.jobs.count_told(machine_id), paused=paused)

    async def outdated(self, machine_id: str, facts: Facts) -> None:
        """Its node agent was refused because it is too old; what it said of itself tells the chat."""
        await self._store.machines.saw(machine_id, facts=facts.model_dump(mode="json"))
        await self._tell(machine_id)

    async def _in_pool(self, machine: MachineRow) -> bool:
        pool = await self._pools.awake(machine.person_id)
        if pool is None:
            return False
        try:
            return any(node.machine_id == machine.id and node.alive for node in await pool.machines())
        except HayrideError:
            return False  # asked again at the next heartbeat

    async def _warm(self, machine: MachineRow) -> None:
        pool = await self._pools.awake(machine.person_id)
        if pool is None:
            return
        try:
            await pool.warm(machine.id)
        except HayrideError as error:  # the first job will be slower, no more
            log.info("machine %s was not warmed: %s", machine.id, error)

    async def _tell(self, machine_id: str) -> None:
        machine = await self._store.machines.find(machine_id)
        if machine is not None:
            self._changes.publish(Change(person_id=machine.person_id, machine_id=machine_id))

    # --- views ---

    def connected(self, machine_id: str) -> bool:
        """Whether jobs can be started on it now."""
        contact = self._contacts.get(machine_id)
        return contact is not None and contact.joined and self._clock.monotonic() - contact.heard < SILENT_AFTER

    def check_here(self, machine_id: str, name: str) -> None:
        """Raises JobRefused for a machine that is away."""
        if not self.connected(machine_id):
            raise JobRefused(f"{name} is away just now.", remedy="Start its node agent, then try again.")

    def ready(self, machine_id: str) -> bool:
        """Whether jobs may begin on it now: connected, and not paused at its prompt or in the chat."""
        contact = self._contacts.get(machine_id)
        paused = contact and (contact.rest or (contact.facts and contact.facts.paused))
        return self.connected(machine_id) and not paused

    def rest(self, place: str) -> Rest:
        """Whether its person holds jobs back there; not known while it is away."""
        contact = self._contacts.get(place)
        return contact.rest if contact else Rest.NONE

    def ready_of(self, person_id: str) -> list[str]:
        """The person's machines where jobs may begin now."""
        contacts = self._contacts.items()
        return [machine_id for machine_id, one in contacts if one.person_id == person_id and self.ready(machine_id)]

    def people_in_contact(self) -> set[str]:
        """Everybody who has a machine with a tunnel."""
        return {contact.person_id for contact in self._contacts.values()}

    async def is_revoked(self, person_id: str, place: str) -> bool:
        return place != HEAD and (await self._store.machines.get(person_id, place)).revoked is not None

    async def of_person(self, person_id: str) -> list[MachineView]:
        """Without the revoked ones; those that are away first."""
        views = [await self.view(row) for row in await self._store.machines.of_person(person_id)]
        return sorted(views, key=lambda view: view.state is MachineState.CONNECTED)

    async def view(self, row: MachineRow) -> MachineView:
        try:
            facts = Facts.model_validate(dict(row.facts))
        except ValidationError:
            facts = None  # never told yet, or told by an older version
        state = self._state(row)
        return MachineView(
            id=row.id,
            name=row.name,
            state=state,
            since=_since(row, state),
            last_seen=self._clock.now() if state is MachineState.CONNECTED else row.last_seen,
            address=row.address,
            sealed=facts.sealed if facts else None,
            cores=facts.cores if facts else None,
            memory=facts.memory if facts else None,
            platform=facts.platform if facts else "",
            version=facts.version if facts else "",
            running_jobs=await self._store.jobs.count_running(row.id),
            allowed=facts.allowed if facts else (),
            paused=facts.paused if facts and state is MachineState.CONNECTED else "",
            rest=row.rest,
            outdated=facts is not None and facts.protocol < PROTOCOL,
            load=facts.load if facts else None,
            memory_free=facts.memory_free if facts else None,
            disk_free=facts.disk_free if facts else None,
            gpus=facts.gpus if facts else 0,
            code="" if row.admitted else admission_code(row.public_key),
        )

    def _state(self, row: MachineRow) -> MachineState:
        if row.revoked:
            return MachineState.REVOKED
        if self.connected(row.id):
            return MachineState.CONNECTED
        return MachineState.UNREACHABLE if row.last_seen or row.connected_since else MachineState.NEVER

    async def rename(self, person_id: str, machine_id: str, name: str) -> None:
        try:
            checked = _NAME.validate_python(name.strip())
        except ValidationError as error:
            raise RefusedError(
                "That is no name for a machine.", remedy="Choose 1 to 40 printable letters, other than head."
            ) from error
        await self._store.machines.rename(person_id, machine_id, checked)
        await self._tell(machine_id)

    # --- leaving ---

    async def set_rest(self, person_id: str, machine_id: str, rest: Rest) -> None:
        await self._store.machines.set_rest(person_id, machine_id, rest)
        contact = self._contacts.get(machine_id)
        if contact is not None:
            self._contacts[machine_id] = replace(contact, rest=rest)
        await self._tell(machine_id)
        for job in await self._store.jobs.open():
            if job.place == machine_id and job.state.status is JobStatus.QUEUED:
                self._changes.publish(Change(person_id=person_id, job_id=job.id))

    async def revoke(self, person_id: str, machine_id: str) -> MachineRow:
        """Its key opens nothing any more; the caller cuts its tunnel and ends its jobs, and then has its box told."""
        row = await self._store.machines.revoke(person_id, machine_id)
        self._contacts.pop(machine_id, None)
        await self._tell(machine_id)
        return row

    async def tell_pool_of_revoked(self, person_id: str, machine_id: str) -> None:
        """So that it forgets the key. The tunnel is cut already, so a box that does not answer keeps nobody in."""
        pool = await self._pools.awake(person_id)
        if pool is not None:
            try:
                await pool.remove_machine(machine_id)
            except HayrideError as error:
                log.warning("the pool of %s was not told that %s was revoked: %s", person_id, machine_id, error)

    async def close(self) -> None:
        """Lets no warming outlive the control plane."""
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)

    async def place_name(self, person_id: str, place: str) -> str:
        """What people call a place; its machine may have been revoked since."""
        if place == HEAD:
            return HEAD
        return (await self._store.machines.get(person_id, place)).name

    async def usable(self, person_id: str, place: str, *, for_a_job: bool = False) -> str:
        """What people call the place. Raises NotFoundError for a machine that is not the person's, JobRefused for one
        that was revoked, and `for_a_job` for one that is leaving."""
        if place == HEAD:
            return HEAD
        machine = await self._store.machines.get(person_id, place)
        if machine.revoked:
            raise JobRefused(
                "That machine was removed from your pool.", remedy="Choose another one, or /connect it again."
            )
        if for_a_job and machine.rest is Rest.LEAVING:
            raise JobRefused(
                f"{machine.name} is leaving your pool, so no new job goes there.",
                remedy="Choose another one, or press Resume in /worker.",
            )
        return machine.name


def _since(row: MachineRow, state: MachineState) -> datetime:
    if state is MachineState.REVOKED and row.revoked:
        return row.revoked
    if state is MachineState.CONNECTED and row.connected_since:
        return row.connected_since
    return row.last_seen or row.created
