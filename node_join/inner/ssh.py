"""The machine's end of the tunnel: the head's Ray ports appear on this box's loopback, this machine's on the head's."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from node_join.inner.config import LINE_LIMIT, Grant
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE

#: The fastest that both ends have; measured in benchmarks/tunnel.py.
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")
#: Seconds to be in, with all ports up.
_PATIENCE = 60.0


async def exchange_lines(connection: socket.socket, public_key: str) -> Grant:
    """Says this box's SSH key, hears the grant. Reads not a byte more: what follows is SSH."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, json.dumps({"ssh_public_key": public_key}).encode() + b"\n")
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = await loop.sock_recv(connection, 1)
        if not byte or len(line) >= LINE_LIMIT:
            raise ConnectionError("the node agent closed the connection without a grant")
        line += byte
    return Grant.model_validate_json(line)


@asynccontextmanager
async def forwarded(
    connection: socket.socket, grant: Grant, key: asyncssh.SSHKey
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """SSH over the connection, every port forwarded. Raises asyncssh.Error, OSError or TimeoutError."""
    async with asyncio.timeout(_PATIENCE):
        ssh = await asyncssh.connect(
            "door",  # a name for the log: a Unix socket's peer has none
            sock=connection,
            config=None,
            username="machine",
            client_keys=[key],
            agent_path=None,
            preferred_auth="publickey",
            known_hosts=([asyncssh.import_public_key(grant.door_key)], [], []),
            encryption_algs=CIPHERS,
            compression_algs=["none"],
            keepalive_interval=0,  # a frozen tunnel lives on; the node agent judges
        )
    try:
        async with asyncio.timeout(_PATIENCE):
            for port in HEAD.all:
                await ssh.forward_local_port(HEAD_ADDRESS, port, HEAD_ADDRESS, port)
            await asyncio.gather(
                *(ssh.forward_remote_port(grant.address, port, grant.address, port) for port in MACHINE.all)
            )
        yield ssh
    finally:
        ssh.abort()
        await ssh.wait_closed()  # its listeners are closed: the next tunnel can have their ports
