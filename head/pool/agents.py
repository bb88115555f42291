"""Agents that wait for ever to be made.

Ray makes an actor anew through its owner's node or, where that has ended, through any node that it believes alive. It
is told never to declare one dead, so that may be a machine that left, or sleeps: then it waits for that one (seen: a
laptop's agent for a machine that had left, without end). An agent that is being made has no task yet, so it may be
ended; the next call makes another one, of which the driver's own node is the owner, and it reads the journals.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from head.pool.gcs import gcs_at

#: Seconds that a machine in reach may take to make its agent: far more than it took in any test here.
PATIENCE = 45.0
_PREFIX = "agent-"
#: Of Ray's ActorTableData: dependencies unready, pending creation, restarting.
_BEING_MADE = ("DEPENDENCIES_UNREADY", "PENDING_CREATION", "RESTARTING")


class Overdue:
    """Since when agents wait; the clock is the caller's."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def among(self, waiting: Iterable[str], now: float) -> list[str]:
        """The places whose agent has waited too long since it was first among `waiting`; they begin anew."""
        self._since = {place: self._since.get(place, now) for place in waiting}
        late = [place for place, since in self._since.items() if now - since >= PATIENCE]
        for place in late:
            del self._since[place]
        return late


def places_waiting(address: str, token: str) -> list[str]:
    """The places whose agent is being made. Blocks. Raises grpc.RpcError."""
    with gcs_at(address, token) as gcs:
        states = {gcs.tables.ActorTableData.ActorState.Value(name) for name in _BEING_MADE}
        every = gcs.actors.GetAllActorInfo(gcs.messages.GetAllActorInfoRequest(), **gcs.call).actor_table_data
    ours = [actor for actor in every if actor.name.startswith(_PREFIX)]
    return [actor.name.removeprefix(_PREFIX) for actor in ours if actor.state in states]


def end_agent(place: str, namespace: str) -> None:
    """For good: the next call makes a new one. Blocks."""
    import ray

    with suppress(ValueError):  # there is none any more
        ray.kill(ray.get_actor(_PREFIX + place, namespace=namespace), no_restart=True)
