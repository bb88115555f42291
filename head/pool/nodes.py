"""The pool's machines, as its Ray head and its door know them; and the burial of nodes that Ray believes alive.

Ray is told never to declare a silent node dead, so a killed raylet stays "alive" for ever, and its agent with it.
When a machine's raylet comes back, under a new id at the same address, its older ones cannot be alive: we tell Ray so.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from head.pool.gcs import gcs_at
from ray_jobs.spec import ID_PATTERN

log = logging.getLogger(__name__)

_MACHINE = re.compile("m_(" + ID_PATTERN.strip("^$") + ")")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One entry of Ray's node table that is said to be alive."""

    node_id: str
    address: str
    resources: Mapping[str, float]

    @property
    def machine_id(self) -> str | None:
        """The machine it claims to be; a machine can only lie about this to its own pool."""
        for name in self.resources:
            if match := _MACHINE.fullmatch(name):
                return match[1]
        return None


def nodes_of(table: Iterable[Mapping[str, Any]]) -> list[Node]:
    """The living ones of `ray.nodes()`, oldest first as Ray lists them."""
    return [
        Node(node_id=entry["NodeID"], address=entry["NodeManagerAddress"], resources=entry["Resources"])
        for entry in table
        if entry["Alive"]
    ]


def machine_rows(nodes: Iterable[Node], announced: Mapping[str, str], tunnels: Iterable[str]) -> list[dict[str, Any]]:
    """What GET /machines answers: those that are announced (id -> address), and those that Ray knows."""
    found = {node.machine_id: node for node in nodes if node.machine_id is not None}
    open_tunnels = set(tunnels)
    return [
        {
            "machine_id": machine_id,
            "node_ip": node.address if node else announced.get(machine_id, ""),
            "alive": node is not None,
            "tunnel": machine_id in open_tunnels,
            "cpus": node.resources.get("CPU", 0.0) if node else 0.0,
            "memory": int(node.resources.get("memory", 0)) if node else 0,
        }
        for machine_id in sorted(found.keys() | announced.keys())
        for node in [found.get(machine_id)]
    ]


class Burials:
    """Which nodes cannot be alive. Remembers the order in which they were first seen: clocks go back, that does not."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def dead(self, nodes: Iterable[Node], started: Mapping[str, int], removed: Set[str] = frozenset()) -> list[str]:
        """Ids of the nodes at whose address a younger one runs, and of those whose machine was removed from the pool.

        `started` (ms, by the machine's clock) decides among those that are seen for the first time together.
        """
        alive = list(nodes)
        for node in sorted(alive, key=lambda node: started.get(node.node_id, 0)):
            self._seen.setdefault(node.node_id, len(self._seen))
        by_address: dict[str, list[str]] = defaultdict(list)
        for node in alive:
            by_address[node.address].append(node.node_id)
        older = [node_id for same in by_address.values() for node_id in sorted(same, key=self._seen.__getitem__)[:-1]]
        gone = [node.node_id for node in alive if node.machine_id in removed and node.node_id not in older]
        return older + gone


def known_nodes() -> list[Node]:
    """Asks the Ray head. Blocks."""
    import ray

    return nodes_of(ray.nodes())  # type: ignore[no-untyped-call]


def bury(burials: Burials, address: str, token: str, removed: Set[str]) -> list[str]:
    """Tells Ray which nodes are dead; says which. `removed`: machines that are not in the pool any more. Blocks. Raises
    grpc.RpcError.

    UnregisterNode is what a raylet itself sends when it ends; `ray.nodes()` has no start times, hence the bare table.
    """
    nodes = known_nodes()
    if len({node.address for node in nodes}) == len(nodes) and not removed & {node.machine_id for node in nodes}:
        burials.dead(nodes, {})
        return []
    with gcs_at(address, token) as gcs:
        table = gcs.nodes.GetAllNodeInfo(gcs.messages.GetAllNodeInfoRequest(), **gcs.call).node_info_list
        dead = burials.dead(nodes, {entry.node_id.hex(): entry.start_time_ms for entry in table}, removed)
        for node_id in dead:
            info = gcs.common.NodeDeathInfo
            reason = info(
                reason=info.Reason.Value("UNEXPECTED_TERMINATION"),
                reason_message="another raylet runs at its address, or its machine was removed",
            )
            request = gcs.messages.UnregisterNodeRequest(node_id=bytes.fromhex(node_id), node_death_info=reason)
            gcs.nodes.UnregisterNode(request, **gcs.call)
    return dead
