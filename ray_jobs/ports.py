"""The fixed ports of a Ray node in the pool's box and on a machine, in two blocks that never meet.

Both ends of the tunnel must name the same ports, and unsealed on one host both nodes share the loopback, hence the
blocks. Importing this loads nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

#: Where the pool's head is, seen from everywhere in the pool.
HEAD_ADDRESS = "127.77.0.1"
#: Where a machine's own address is.
_MACHINES = IPv4Network("127.77.0.0/16")


def machine_address(text: str) -> str:
    """The text, if it is a machine's address in its pool. Raises ValueError: a server told it."""
    address = IPv4Address(text)
    if address not in _MACHINES or text == HEAD_ADDRESS:
        raise ValueError(f"{text!r} is no machine's address")
    return text


@dataclass(frozen=True, kw_only=True)
class NodePorts:
    """The ports that one Ray node listens on. `first_worker` and `last_worker` are both included."""

    node_manager: int
    object_manager: int
    runtime_env_agent: int
    dashboard_agent_grpc: int
    dashboard_agent_listen: int
    metrics_export: int
    first_worker: int
    last_worker: int
    gcs: int | None = None  #: the head's alone
    dashboard: int | None = None  #: the head's alone

    @property
    def all(self) -> tuple[int, ...]:
        """Every port, ascending and once each: what a tunnel has to forward."""
        named = (
            self.gcs,
            self.dashboard,
            self.node_manager,
            self.object_manager,
            self.runtime_env_agent,
            self.dashboard_agent_grpc,
            self.dashboard_agent_listen,
            self.metrics_export,
        )
        workers = range(self.first_worker, self.last_worker + 1)
        return tuple(sorted({port for port in named if port is not None} | set(workers)))

    @property
    def flags(self) -> tuple[str, ...]:
        """The options of `ray start` that fix the node's ports; a head's `--port` and `--dashboard-port` are not among
        them.
        """
        return (
            f"--node-manager-port={self.node_manager}",
            f"--object-manager-port={self.object_manager}",
            f"--runtime-env-agent-port={self.runtime_env_agent}",
            f"--dashboard-agent-grpc-port={self.dashboard_agent_grpc}",
            f"--dashboard-agent-listen-port={self.dashboard_agent_listen}",
            f"--metrics-export-port={self.metrics_export}",
            f"--min-worker-port={self.first_worker}",
            f"--max-worker-port={self.last_worker}",
        )


#: The pool's head. Its drivers take their ports from the worker range too.
HEAD = NodePorts(
    gcs=6379,
    node_manager=6380,
    object_manager=6381,
    runtime_env_agent=6382,
    dashboard_agent_grpc=6383,
    dashboard_agent_listen=6384,
    metrics_export=6385,
    dashboard=8265,
    first_worker=20000,
    last_worker=20019,
)

#: A person's machine.
MACHINE = NodePorts(
    node_manager=7380,
    object_manager=7381,
    runtime_env_agent=7382,
    dashboard_agent_grpc=7383,
    dashboard_agent_listen=7384,
    metrics_export=7385,
    first_worker=21000,
    last_worker=21039,
)
