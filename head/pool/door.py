"""The door of the box: an SSH server that does nothing but forward a machine's Ray ports and the head's to each other.

A machine is known by the key that was announced for it. Of its connections the newest wins: the machine knows best
that the older one is dead, while we may be waiting for minutes for a frozen one.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import asyncssh

from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE

log = logging.getLogger(__name__)

_MACHINES = ipaddress.ip_network("127.77.0.0/16")
_KEEP_ALIVE = 15.0
#: A frozen tunnel lives for ten minutes; a new one takes its place at once.
_MISSED = 40
#: Hardware does AES-GCM at twice the speed of ChaCha20.
_CIPHERS = ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"]


class DoorRefused(Exception):
    """What was announced for a machine cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A machine that may come in: `address` is its own in the pool, `key` what it signs with next."""

    machine_id: str
    address: str
    key: asyncssh.SSHKey


def may_connect(host: str, port: int) -> bool:
    """Where every machine may connect to: the head's Ray ports, nothing else."""
    return host == HEAD_ADDRESS and port in HEAD.all


def may_listen(address: str, host: str, port: int) -> bool:
    """Where the machine at `address` may listen: at that address, on a machine's Ray ports."""
    return host == address and port in MACHINE.all


def checked(machine_id: str, address: str, public_key: str) -> Announced:
    """Raises DoorRefused for an address that is no machine's, or a text that is no ed25519 public key."""
    try:
        own = ipaddress.ip_address(address)
        key = asyncssh.import_public_key(public_key)
    except (ValueError, asyncssh.KeyImportError) as error:
        raise DoorRefused(f"No address, or no public key: {error}") from error
    if own not in _MACHINES or str(own) == HEAD_ADDRESS or own in (_MACHINES[0], _MACHINES[-1]):
        raise DoorRefused(f"{address} is no machine's address.")
    if key.get_algorithm() != "ssh-ed25519":
        raise DoorRefused(f"A machine's key is ed25519, not {key.get_algorithm()}.")
    return Announced(machine_id=machine_id, address=str(own), key=key)


class Door:
    """Who may come in, and who is in."""

    def __init__(self) -> None:
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._announced: dict[str, Announced] = {}
        self._removed: set[str] = set()
        self._inside: dict[str, asyncssh.SSHServerConnection] = {}

    @property
    def public_key(self) -> str:
        """By which a machine knows this door: "ssh-ed25519 AAAA..."; new at each start of the box."""
        return str(self._host_key.export_public_key().decode().strip())

    @property
    def announced(self) -> dict[str, str]:
        """Machine id -> address."""
        return {machine_id: machine.address for machine_id, machine in self._announced.items()}

    @property
    def tunnels(self) -> list[str]:
        """Ids of the machines that are in."""
        return list(self._inside)

    async def open(self, listening: socket.socket) -> asyncssh.SSHAcceptor:
        """Serves on a listening Unix socket."""
        return await asyncssh.listen(
            sock=listening,
            server_factory=lambda: _Visitor(self),
            server_host_keys=[self._host_key],
            encryption_algs=_CIPHERS,
            compression_algs=["none"],
            keepalive_interval=_KEEP_ALIVE,
            keepalive_count_max=_MISSED,
            login_timeout=30,
            password_auth=False, kbdint_auth=False, host_based_auth=False, gss_host=None,
            agent_forwarding=False, x11_forwarding=False, allow_scp=False, allow_pty=False, line_editor=False,
        )  # fmt: skip

    def announce(self, machine: Announced) -> None:
        """Lets the machine in from now on, with this key alone. Raises DoorRefused for what is another machine's."""
        for other in self._announced.values():
            same = other.address == machine.address or other.key == machine.key
            if same and other.machine_id != machine.machine_id:
                raise DoorRefused("Another machine of the pool has that address or key.")
        self._announced[machine.machine_id] = machine
        self._removed.discard(machine.machine_id)

    def cut(self, machine_id: str) -> bool:
        """Forgets the machine's key and cuts its connection; says whether it was known."""
        known = self._announced.pop(machine_id, None) is not None
        self._removed.add(machine_id)
        if connection := self._inside.pop(machine_id, None):
            connection.abort()
        return known

    @property
    def removed(self) -> frozenset[str]:
        """Machines that were cut and not announced since."""
        return frozenset(self._removed)

    def whose(self, key: asyncssh.SSHKey) -> Announced | None:
        """The machine that this key was announced for."""
        return next((machine for machine in self._announced.values() if machine.key == key), None)

    def enter(self, machine_id: str, connection: asyncssh.SSHServerConnection) -> asyncssh.SSHServerConnection | None:
        """Takes a connection in; returns the one that it replaces, which is being closed."""
        older = self._inside.get(machine_id)
        self._inside[machine_id] = connection
        if older:
            older.abort()
        return older

    def leave(self, machine_id: str, connection: asyncssh.SSHServerConnection) -> None:
        if self._inside.get(machine_id) is connection:
            del self._inside[machine_id]


class _Visitor(asyncssh.SSHServer):
    """One connection. What is not overridden here (sessions, files, Unix sockets, tun devices) asyncssh refuses."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._machine: Announced | None = None
        self._connection: asyncssh.SSHServerConnection | None = None
        self._replaced: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def connection_lost(self, exc: Exception | None) -> None:
        if self._machine and self._connection:
            self._door.leave(self._machine.machine_id, self._connection)
            log.info("The tunnel of %s has ended: %s", self._machine.machine_id, exc)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        # Of several keys that a client shows only the one it signs with counts; asyncssh asks for that one last.
        self._machine = self._door.whose(key)
        return self._machine is not None

    def auth_completed(self) -> None:
        assert self._machine is not None
        assert self._connection is not None
        # The key may have been withdrawn between the signature's question and now.
        if self._door.whose(self._machine.key) is None:
            self._connection.abort()
            return
        self._replaced = self._door.enter(self._machine.machine_id, self._connection)
        log.info("The tunnel of %s is up", self._machine.machine_id)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return may_connect(dest_host, dest_port)

    def server_requested(self, listen_host: str, listen_port: int) -> bool | Awaitable[Any]:
        if self._machine is None or not may_listen(self._machine.address, listen_host, listen_port):
            return False
        return self._listen(listen_host, listen_port)

    async def _listen(self, host: str, port: int) -> Any:
        """Binds only after the replaced connection has let go of the same ports."""
        assert self._connection
        if self._replaced:
            await self._replaced.wait_closed()
        return await self._connection.forward_local_port(host, port, host, port)
