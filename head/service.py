"""The control plane: its parts, put together once, and served."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TextIO

from head.admission import Admission
from head.api import (
    Webhook,
)
from head.changes import Changes
from head.chat_desk import ChatDesk
from head.clock import Clock
from head.gateway.app import Server, create_gateway
from head.gateway.live import Tunnels
from head.gateway.webhook import WebhookReceiver
from head.identity import server_key
from head.jobs import Jobs
from head.keeper import Keeper, keeper_settings
from head.machines import Machines
from head.models import Models
from head.pools import Pools
from head.reconcile import Reconciler
from head.sealed import served_person
from head.settings import Settings
from head.state_lock import lock_state
from head.store.store import Store
from head.trial import Trial
from head.wiring import Wiring
from head.wishes import Wishes


@dataclass(kw_only=True)
class ControlPlane(ChatDesk):
    """Everything of the server but the chat. `open`, `serve`, and at the end `close`."""

    _lock: TextIO
    _server: Server | None = None
    _tunnels: Tunnels | None = None
    _loop: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings, clock: Clock, *, telegram: bool = False) -> ControlPlane:
        """Opens the store and finds the boxes that run; nothing listens yet. `telegram`: who is served if unsealed.

        Raises SettingsError; HayrideError where another control plane has the same state.
        """
        lock = lock_state(settings.data_dir)
        store = await Store.open(settings.database, clock)
        try:
            await store.people.set_admins(settings.admins)
            await store.machines.forget_connections()
            keeper = Keeper(keeper_settings(settings), clock)
            await keeper.find_running()
        except BaseException:
            await store.close()
            lock.close()
            raise

        async def served() -> str | None:
            person = served_person(await store.people.everybody(), telegram=telegram)
            return person.id if person else None

        async def revoke(person_id: str, machine_id: str) -> None:
            await plane.revoke(person_id, machine_id)

        changes = Changes()
        pools = Pools(store=store, keeper=keeper, served=None if settings.sealing else served)
        machines = Machines(settings=settings, store=store, pools=pools, changes=changes, clock=clock)
        reconciler = Reconciler(
            settings=settings, store=store, pools=pools, machines=machines, changes=changes, clock=clock,
            revoke=revoke,
        )  # fmt: skip
        jobs = Jobs(
            settings=settings, store=store, pools=pools, machines=machines, reconciler=reconciler, changes=changes,
            clock=clock,
        )  # fmt: skip
        plane = cls(
            settings=settings, clock=clock, store=store, pools_=pools, machines_=machines, jobs_=jobs,
            trial=Trial(jobs=jobs), models_=Models(store=store, pools=pools, machines=machines),
            reconciler=reconciler, hub=changes,
            admission=Admission(store=store, pools=pools, machines=machines), telegram=telegram, _lock=lock,
        )  # fmt: skip
        return plane

    async def serve(self, webhook: Webhook | None = None) -> None:
        """Starts the gateway and the reconcile loop. Raises SettingsError where the address cannot be used."""
        receiver = WebhookReceiver(secret=webhook.secret, take=webhook.bring) if webhook else None
        gateway = create_gateway(
            Wiring(
                settings=self.settings, store=self.store, pools=self.pools_, machines=self.machines_,
                reconciler=self.reconciler, changes=self.hub,
                wishes=Wishes(store=self.store, changes=self.hub, revoke=self.revoke),
                signing_key=server_key(self.settings.data_dir), url=lambda: self.url,
            ),
            clock=self.clock.monotonic,
            webhook=receiver,
        )  # fmt: skip
        self._tunnels = gateway.tunnels
        self._server = await Server.start(
            gateway,
            host=self.settings.listen_host,
            port=self.settings.listen_port,
            certificate=self.settings.tls_certificate,
            key=self.settings.tls_key,
        )
        self._loop = asyncio.create_task(self.reconciler.run(), name="reconcile")

    async def close(self, *, stop_pools: bool) -> None:
        """Stops serving. Boxes go on unless `stop_pools`: the next control plane finds them. Each step is taken, also
        where an earlier one fails.
        """
        async with contextlib.AsyncExitStack() as steps:  # last in, first out
            steps.callback(self._lock.close)
            steps.push_async_callback(self.store.close)
            steps.push_async_callback(self.pools_.keeper.close)
            if stop_pools:
                for pool in await self.store.pools.all():
                    steps.push_async_callback(self.pools_.keeper.stop, pool.id)
            steps.push_async_callback(self.machines_.close)
            if self._server:
                steps.push_async_callback(self._server.stop)
            if self._tunnels:
                steps.callback(self._tunnels.close_all)
            if self._loop:
                steps.push_async_callback(_ended, self._loop)
            self.hub.close()

    @property
    def url(self) -> str:
        """Where machines and browsers reach the gateway."""
        return self.settings.url_at(self._server.port if self._server else self.settings.listen_port)

    def cut(self, machine_id: str) -> None:
        if self._tunnels:
            self._tunnels.cut(machine_id)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
