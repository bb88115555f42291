"""What owners type at their machines' prompts: admitting another machine, saying who admits, leaving."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from head.api import Change
from head.changes import Changes
from head.errors import NotFoundError, RefusedError
from head.identity import admission_code
from head.store.records import MachineRow
from head.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Each answers with a sentence for the prompt. The gateway has checked who asks."""

    store: Store
    changes: Changes
    revoke: Callable[[str, str], Awaitable[None]]  #: person's id, machine's id

    async def do(self, machine_id: str, wish: str) -> str:
        """Raises RefusedError for a wish that cannot be done."""
        machine = await self.store.machines.find(machine_id)
        if machine is None:
            raise RefusedError("There is no such machine.")
        word, _, rest = wish.partition(" ")
        if word == "admit":
            return await self._admit(machine, rest)
        if word == "admit-by" and rest in ("machine", "chat"):
            await self.store.pools.set_admits(machine.pool_id, rest)
            return _POLICIES[rest]
        if wish == "leave":
            await self.revoke(machine.person_id, machine.id)
            return f"{machine.name} has left its pool."
        raise RefusedError("This server does not know that wish.", remedy="Upgrade the server.")

    async def _admit(self, machine: MachineRow, code: str) -> str:
        """The machine of the same pool that waits with this code is in."""
        waiting = await self.store.machines.waiting(machine.pool_id)
        found = next((each for each in waiting if admission_code(each.public_key) == code.upper()), None)
        if found is None:
            raise RefusedError(
                f"No machine waits with the code {code}.", remedy="Read it again at the prompt of the new machine."
            )
        try:
            await self.store.machines.admit(found.id)
        except NotFoundError as error:
            raise RefusedError(f"{found.name} was removed meanwhile.") from error
        self.changes.publish(Change(person_id=found.person_id, machine_id=found.id))
        return f"{found.name} is admitted and will be in your pool within seconds."


_POLICIES = {
    "machine": "From now on a further machine is let in by `hayride-node admit CODE` on one that is in the pool.",
    "chat": "From now on whoever has your chat can add machines: the join command alone lets them in.",
}
