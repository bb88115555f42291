"""The program inside a machine's box: serves one tunnel after the other, keeps the Ray node, ends on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys

import asyncssh
from pydantic import ValidationError

from node_join.inner.config import InnerConfig, load_config
from node_join.inner.priority import lower_io_priority
from node_join.inner.raylet import RayNode
from node_join.inner.ssh import exchange_lines, forwarded
from sealing import Limits, inherited, processes

log = logging.getLogger("node_join.inner")


class Inside:
    """One SSH key for each start of the box, one Ray node, the newest tunnel."""

    def __init__(self, config: InnerConfig) -> None:
        self.node = RayNode(config)
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._public = " ".join(self._key.export_public_key().decode().split()[:2])
        self._tunnel: asyncio.Task[None] | None = None

    async def serve(self, listening: socket.socket) -> None:
        """A new connection of the node agent ends the one before."""
        loop = asyncio.get_running_loop()
        listening.setblocking(False)
        while True:
            connection, _ = await loop.sock_accept(listening)
            connection.setblocking(False)
            await self.close()
            self._tunnel = asyncio.create_task(self._tunnel_over(connection))

    async def close(self) -> None:
        if self._tunnel:
            self._tunnel.cancel()
            await asyncio.gather(self._tunnel, return_exceptions=True)

    async def _tunnel_over(self, connection: socket.socket) -> None:
        try:
            with connection:
                grant = await exchange_lines(connection, self._public)
                if grant.direct:
                    await self.node.tunnel_is_up(grant)
                    await asyncio.get_running_loop().sock_recv(connection, 1)  # until the node agent closes it
                else:
                    async with forwarded(connection, grant, self._key) as ssh:
                        await self.node.tunnel_is_up(grant)
                        await ssh.wait_closed()
        except (OSError, asyncssh.Error, TimeoutError, ValidationError, ValueError) as error:
            log.warning("tunnel ended: %s: %s", type(error).__name__, error)
        except Exception:
            log.exception("a bug ended the tunnel")
        finally:
            self.node.tunnel_is_down()


def open_many_files() -> None:
    """As many for each process as `sealing` gives elsewhere; a Mac's own bound is 256, too few for Ray and a tunnel."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = Limits().open_files
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))


async def run() -> None:
    config = load_config()
    (config.folder / "logs").mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=config.folder / "logs" / "box.log",
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    if sys.platform == "darwin":
        open_many_files()
    processes.adopt_orphans()
    if config.niceness:
        lower_io_priority()
    inside = Inside(config)
    serving = asyncio.create_task(inside.serve(inherited("tunnel")))
    reaping = asyncio.create_task(processes.keep_reaping())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("stopping")
    finally:
        reaping.cancel()
        await inside.node.stop()
        await inside.close()


if __name__ == "__main__":
    asyncio.run(run())
    sys.exit(0)
