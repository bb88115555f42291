"""Real gateway, real node tunnel, over loopback; the box and the door are two ends that the test holds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.gateway.app import Gateway, Server, create_gateway
from node_join.errors import Again, ForGood
from node_join.facts import Facts
from tests.support.services import MemoryServices
from tests.support.tunnels import Box, Joined, box_end, echoing_door, machine_of, some_facts, until


@dataclass
class Site:
    services: MemoryServices
    gateway: Gateway
    url: str
    box: Box
    door_connections: list[asyncio.StreamWriter]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    services = MemoryServices(door=str(tmp_path / "door"))
    gateway = create_gateway(services)
    async with echoing_door(tmp_path / "door") as connections, box_end(tmp_path / "box") as box:
        server = await Server.start(gateway, host="127.0.0.1", port=0)
        try:
            yield Site(services, gateway, f"http://127.0.0.1:{server.port}", box, connections)
        finally:
            await server.stop()


async def test_bytes_pass_both_ways_and_the_node_is_reported(site: Site) -> None:
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    grant, reader, writer = await asyncio.wait_for(site.box.connections.get(), 10)
    assert grant["ray_token"] == "t" * 64
    assert grant["direct"] is False
    writer.write(b"SSH-2.0-there and back")
    assert await asyncio.wait_for(reader.readexactly(22), 10) == b"SSH-2.0-there and back"
    await until(lambda: "joined" in joined.told.words)
    assert site.gateway.tunnels.is_live("laptop01")
    writer.close()
    with pytest.raises(Again, match="box"):
        await tunnel
    await until(lambda: ("closed", "laptop01") in site.services.log)
    assert not site.gateway.tunnels.is_live("laptop01")


async def test_a_large_stream_arrives_whole(site: Site) -> None:
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    _, reader, writer = await asyncio.wait_for(site.box.connections.get(), 10)
    block = os.urandom(1 << 20)
    blocks = 64

    async def send() -> None:
        for _ in range(blocks):
            writer.write(block)
            await writer.drain()

    sending = asyncio.ensure_future(send())
    for _ in range(blocks):
        assert await asyncio.wait_for(reader.readexactly(len(block)), 60) == block
    await sending
    writer.close()
    with pytest.raises(Again):
        await tunnel


async def test_a_wrong_key_reaches_no_box(site: Site) -> None:
    joined = Joined(site.services, site.url)
    joined.key = Ed25519PrivateKey.generate()
    with pytest.raises(ForGood, match="does not know this machine"):
        await joined.tunnel(site.box)
    assert site.services.log == []


async def test_an_unknown_machine_is_refused_in_the_same_words(site: Site) -> None:
    joined = Joined(site.services, site.url)
    joined.machine = machine_of(site.services, site.url, "nobody01")
    with pytest.raises(ForGood, match="does not know this machine"):
        await joined.tunnel(site.box)
    assert site.services.log == []


async def test_a_revoked_machine_is_refused(site: Site) -> None:
    joined = Joined(site.services, site.url)
    site.services.machines["laptop01"] = replace(site.services.machines["laptop01"], revoked=True)
    with pytest.raises(ForGood, match="removed from its pool"):
        await joined.tunnel(site.box)
    assert site.services.log == []


async def test_a_server_with_another_key_is_not_answered(site: Site) -> None:
    joined = Joined(site.services, site.url)
    site.services.signing_key = Ed25519PrivateKey.generate()
    with pytest.raises(ForGood, match="another key"):
        await joined.tunnel(site.box)
    assert site.services.log == []


async def test_the_newest_tunnel_wins(site: Site) -> None:
    joined = Joined(site.services, site.url)
    older = asyncio.ensure_future(joined.tunnel(site.box))
    await asyncio.wait_for(site.box.connections.get(), 10)
    await until(lambda: site.gateway.tunnels.is_live("laptop01"))
    newer = asyncio.ensure_future(joined.tunnel(site.box))
    _, reader, writer = await asyncio.wait_for(site.box.connections.get(), 10)
    with pytest.raises(ForGood, match="Another node agent"):
        await older
    writer.write(b"still here")
    assert await asyncio.wait_for(reader.readexactly(10), 10) == b"still here"
    assert ("closed", "laptop01") not in site.services.log
    writer.close()
    with pytest.raises(Again):
        await newer


async def test_revoking_cuts_the_live_tunnel(site: Site) -> None:
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    await asyncio.wait_for(site.box.connections.get(), 10)
    await until(lambda: site.gateway.tunnels.is_live("laptop01"))
    assert site.gateway.tunnels.cut("laptop01")
    with pytest.raises(ForGood, match="removed"):
        await asyncio.wait_for(tunnel, 5)
    await until(lambda: ("closed", "laptop01") in site.services.log)


async def test_a_tunnel_whose_successor_fails_is_closed_all_the_same(site: Site) -> None:
    joined = Joined(site.services, site.url)
    older = asyncio.ensure_future(joined.tunnel(site.box))
    await asyncio.wait_for(site.box.connections.get(), 10)
    await until(lambda: site.gateway.tunnels.is_live("laptop01"))
    site.services.door = None
    with pytest.raises(Again, match="does not start"):
        await joined.tunnel(site.box)
    with pytest.raises(ForGood, match="Another node agent"):
        await older
    await until(lambda: ("closed", "laptop01") in site.services.log)
    assert site.services.log.count(("closed", "laptop01")) == 1
    assert not site.gateway.tunnels.cut("laptop01")


async def test_a_machine_that_leaves_before_its_grant_keeps_no_door_open(site: Site) -> None:
    site.services.opening = asyncio.Event()
    tunnel = asyncio.ensure_future(Joined(site.services, site.url).tunnel(site.box))
    await until(lambda: ("open_door", "laptop01") in site.services.log)
    tunnel.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tunnel
    site.services.opening.set()
    await until(lambda: len(site.door_connections) == 1)
    await until(lambda: site.door_connections[0].is_closing())
    assert not site.gateway.tunnels.is_live("laptop01")


async def test_a_revoked_machines_heartbeat_cuts_its_tunnel(site: Site) -> None:
    tunnel = asyncio.ensure_future(Joined(site.services, site.url).tunnel(site.box))
    await until(lambda: "laptop01" in site.services.facts)
    site.services.machines["laptop01"] = replace(site.services.machines["laptop01"], revoked=True)
    with pytest.raises(ForGood, match="removed from its pool"):
        await asyncio.wait_for(tunnel, 10)
    await until(lambda: ("closed", "laptop01") in site.services.log)


async def test_malformed_heartbeats_are_logged_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("node_join.tunnel.FIRST_HEARTBEATS", 0.02)
    joined = Joined(site.services, site.url)
    site.services.in_pool = False  # so that the heartbeats stay close
    asked = 0

    def lying() -> Facts:
        nonlocal asked
        asked += 1
        return some_facts() if asked == 1 else {**some_facts(), "cores": 0}

    tunnel = asyncio.ensure_future(joined.tunnel(site.box, lying))
    await until(lambda: asked > 10)
    tunnel.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tunnel
    await until(lambda: ("closed", "laptop01") in site.services.log)
    assert caplog.text.count("malformed") == 1


async def test_a_door_that_closes_means_again(site: Site) -> None:
    joined = Joined(site.services, site.url)
    for _ in range(2):
        tunnel = asyncio.ensure_future(joined.tunnel(site.box))
        _, reader, writer = await asyncio.wait_for(site.box.connections.get(), 10)
        writer.write(b"x")
        assert await asyncio.wait_for(reader.readexactly(1), 10) == b"x"
        site.door_connections[-1].transport.abort()
        with pytest.raises(Again):
            await asyncio.wait_for(tunnel, 5)
    assert site.services.log.count(("opened", "laptop01")) == 2


async def test_a_starting_pool_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("head.gateway.tunnel._WAIT", 0.05)
    site.services.opening = asyncio.Event()
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    await until(lambda: "waiting" in joined.told.words)
    site.services.opening.set()
    _, _, writer = await asyncio.wait_for(site.box.connections.get(), 10)
    writer.close()
    with pytest.raises(Again):
        await tunnel


async def test_a_machine_revoked_while_its_pool_starts_gets_no_grant(site: Site) -> None:
    site.services.opening = asyncio.Event()
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    await until(lambda: ("open_door", "laptop01") in site.services.log)
    assert site.gateway.tunnels.cut("laptop01")
    with pytest.raises(ForGood, match="removed"):
        await asyncio.wait_for(tunnel, 5)
    assert site.box.connections.empty()


async def test_a_pool_that_does_not_start_means_again(site: Site) -> None:
    site.services.door = None
    with pytest.raises(Again, match="does not start"):
        await Joined(site.services, site.url).tunnel(site.box)


async def test_direct_carries_heartbeats_only(site: Site) -> None:
    site.services.door, site.services.direct = None, True
    joined = Joined(site.services, site.url)
    tunnel = asyncio.ensure_future(joined.tunnel(site.box))
    grant, _, writer = await asyncio.wait_for(site.box.connections.get(), 10)
    assert grant["direct"] is True
    await until(lambda: "joined" in joined.told.words)
    assert site.door_connections == []
    writer.close()
    with pytest.raises(Again):
        await tunnel


async def test_a_stopping_server_sends_its_machines_into_the_next_attempt(tmp_path: Path) -> None:
    services = MemoryServices(door=str(tmp_path / "door"))
    gateway = create_gateway(services)
    async with echoing_door(tmp_path / "door"), box_end(tmp_path / "box") as box:
        server = await Server.start(gateway, host="127.0.0.1", port=0)
        tunnel = asyncio.ensure_future(Joined(services, f"http://127.0.0.1:{server.port}").tunnel(box))
        await asyncio.wait_for(box.connections.get(), 10)
        await until(lambda: gateway.tunnels.is_live("laptop01"))
        await asyncio.wait_for(server.stop(), 10)
        with pytest.raises(Again):
            await asyncio.wait_for(tunnel, 5)


async def test_nobody_there(tmp_path: Path) -> None:
    services = MemoryServices()
    async with box_end(tmp_path / "box") as box:
        with pytest.raises(Again, match="does not answer"):
            await Joined(services, "http://127.0.0.1:9").tunnel(box)
