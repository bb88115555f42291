"""What a machine's owner types there, at the gateway: who may, with which signature, for how long."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.gateway.app import Server, create_gateway
from head.gateway.services import MachineIdentity
from node_join.wishes import signed_wish
from tests.support.services import MemoryServices

MACHINE = "laptop01"


@dataclass
class Site:
    services: MemoryServices
    client: httpx.AsyncClient
    key: Ed25519PrivateKey

    async def ask(
        self, wish: str, *, at: float | None = None, machine: str = MACHINE, key: Ed25519PrivateKey | None = None
    ) -> httpx.Response:
        moment = int(time.time() if at is None else at)
        signature = (key or self.key).sign(signed_wish(machine, moment, wish))
        body = {"wish": wish, "time": moment, "signature": base64.b64encode(signature).decode()}
        return await self.client.post(f"/machine/{machine}", json=body)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    services, key = MemoryServices(), Ed25519PrivateKey.generate()
    services.machines[MACHINE] = MachineIdentity(
        machine_id=MACHINE, pool_id="p0001", public_key=key.public_key().public_bytes_raw(), revoked=False
    )
    server = await Server.start(create_gateway(services), host="127.0.0.1", port=0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield Site(services, client, key)
    await server.stop()


async def test_a_machine_in_its_pool_is_heard(site: Site) -> None:
    answer = await site.ask("admit ABCDE-FGHIJ")
    assert (answer.status_code, answer.json()) == (200, {"told": "Done."})
    assert site.services.log == [("admit ABCDE-FGHIJ", MACHINE)]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"key": Ed25519PrivateKey.generate()}, "does not know this machine, or its key is another"),
        ({"machine": "nobody01"}, "does not know this machine, or its key is another"),
        ({"at": time.time() - 3600}, "clocks"),
        ({"at": time.time() + 3600}, "clocks"),
    ],
)
async def test_another_key_and_an_old_wish_are_not(site: Site, asked: dict[str, object], why: str) -> None:
    answer = await site.ask("leave", **asked)  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert why in answer.json()["error"]["message"]
    assert site.services.log == []


async def test_who_is_not_in_the_pool_admits_nobody_and_may_leave(site: Site) -> None:
    site.services.machines[MACHINE] = replace(site.services.machines[MACHINE], admitted=False)
    assert (await site.ask("admit ABCDE-FGHIJ")).status_code == 403
    assert (await site.ask("admit-by chat")).status_code == 403
    assert (await site.ask("leave")).status_code == 200
    site.services.machines[MACHINE] = replace(site.services.machines[MACHINE], admitted=True, revoked=True)
    assert (await site.ask("leave")).status_code == 403


@pytest.mark.parametrize("wish", ["", "admit  X", "Leave", "leave; rm", "admit " + "A" * 40, "admit A\nB"])
async def test_a_malformed_wish_is_not_read(site: Site, wish: str) -> None:
    assert (await site.ask(wish)).status_code == 422
    assert site.services.log == []
