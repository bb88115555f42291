"""Whom the door lets in, and to what: decided without a connection."""

from __future__ import annotations

import asyncssh
import pytest

from head.pool.door import Door, DoorRefused, checked, may_connect, may_listen
from ray_jobs.ports import HEAD, HEAD_ADDRESS, MACHINE


def public_key(algorithm: str = "ssh-ed25519") -> str:
    return asyncssh.generate_private_key(algorithm).export_public_key().decode().strip()


@pytest.mark.parametrize("port", HEAD.all)
def test_a_machine_may_connect_to_the_heads_ray_ports(port: int) -> None:
    assert may_connect(HEAD_ADDRESS, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (HEAD_ADDRESS, 22),
        (HEAD_ADDRESS, HEAD.last_worker + 1),
        ("127.0.0.1", 6379),
        ("localhost", 6379),
        ("", 6379),
        ("127.77.1.9", MACHINE.node_manager),  # another machine
        ("127.77.00.1", 6379),
        ("::ffff:127.77.0.1", 6379),
    ],
)
def test_and_to_nothing_else(host: str, port: int) -> None:
    assert not may_connect(host, port)


def test_a_machine_may_listen_at_its_own_address_on_its_ray_ports_alone() -> None:
    assert all(may_listen("127.77.1.5", "127.77.1.5", port) for port in MACHINE.all)
    assert not may_listen("127.77.1.5", "127.77.1.6", MACHINE.node_manager)
    assert HEAD.gcs is not None
    assert not may_listen("127.77.1.5", HEAD_ADDRESS, HEAD.gcs)
    assert not may_listen("127.77.1.5", "127.77.1.5", HEAD.gcs)
    assert not may_listen("127.77.1.5", "127.77.1.5", 0)
    assert not may_listen("127.77.1.5", "", MACHINE.node_manager)


@pytest.mark.parametrize(
    "address", ["127.77.0.1", "127.77.0.0", "127.77.255.255", "127.0.0.1", "10.0.0.1", "::1", "laptop", ""]
)
def test_an_address_that_is_no_machines_is_refused(address: str) -> None:
    with pytest.raises(DoorRefused):
        checked("laptop", address, public_key())


@pytest.mark.parametrize("key", ["", "ssh-ed25519 nonsense", "no key at all", public_key("ecdsa-sha2-nistp256")])
def test_what_is_no_ed25519_key_is_refused(key: str) -> None:
    with pytest.raises(DoorRefused):
        checked("laptop", "127.77.1.1", key)


def test_neither_address_nor_key_of_another_machine_can_be_announced() -> None:
    door, key = Door(), public_key()
    door.announce(checked("laptop", "127.77.1.1", key))
    with pytest.raises(DoorRefused):
        door.announce(checked("desk", "127.77.1.1", public_key()))
    with pytest.raises(DoorRefused):
        door.announce(checked("desk", "127.77.1.2", key))
    assert door.announced == {"laptop": "127.77.1.1"}


def test_a_newer_announcement_replaces_the_key() -> None:
    door = Door()
    older, newer = (checked("laptop", "127.77.1.1", public_key()) for _ in range(2))
    door.announce(older)
    door.announce(newer)
    assert door.whose(older.key) is None
    assert door.whose(newer.key) == newer


def test_a_machine_that_was_cut_is_unknown() -> None:
    door = Door()
    machine = checked("laptop", "127.77.1.1", public_key())
    door.announce(machine)
    assert door.cut("laptop")
    assert door.whose(machine.key) is None
    assert not door.cut("laptop")
