"""Tokens, tags, ids, addresses, and the server's own key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from head import identity
from head.errors import SettingsError
from ray_jobs.spec import ID_PATTERN


def test_the_tag_is_the_one_the_design_names() -> None:
    mac = hmac.new(b"a token", b"ray resource tag", hashlib.sha256).digest()
    assert identity.resource_tag("a token") == "u_" + base64.b32encode(mac)[:16].decode().lower()


def test_tags_differ_and_do_not_contain_the_token() -> None:
    tokens = [identity.new_token() for _ in range(200)]
    tags = {identity.resource_tag(token) for token in tokens}
    assert len(tags) == len(set(tokens)) == 200
    assert all(re.fullmatch(r"u_[a-z2-7]{16}", tag) for tag in tags)


def test_tokens_have_256_bits_and_are_no_option() -> None:
    for _ in range(300):
        token = identity.new_token()
        assert not token.startswith("-")
        assert len(base64.urlsafe_b64decode(token + "=")) == 32


def test_ids_fit_the_pattern_of_everything_that_crosses_a_socket() -> None:
    ids = {identity.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(ID_PATTERN, one) and len(one) == 10 for one in ids)


def test_the_first_addresses_and_the_last() -> None:
    assert identity.HEAD_ADDRESS == "127.77.0.1"
    assert identity.loopback_address(1) == "127.77.1.1"
    assert identity.loopback_address(254) == "127.77.1.254"
    assert identity.loopback_address(255) == "127.77.2.1"
    assert identity.loopback_address(identity.MACHINES_PER_POOL) == "127.77.255.254"


@pytest.mark.parametrize("number", [0, -1, identity.MACHINES_PER_POOL + 1])
def test_there_is_no_address_beyond(number: int) -> None:
    with pytest.raises(ValueError, match="a pool has machines"):
        identity.loopback_address(number)


@given(st.integers(1, identity.MACHINES_PER_POOL), st.integers(1, identity.MACHINES_PER_POOL))
def test_two_machines_never_share_an_address(one: int, other: int) -> None:
    a, b = IPv4Address(identity.loopback_address(one)), IPv4Address(identity.loopback_address(other))
    assert (a == b) == (one == other)
    assert (a < b) == (one < other)


def test_the_server_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = identity.public_text(identity.server_key(folder))
    assert identity.public_text(identity.server_key(folder)) == made
    assert len(base64.b64decode(made)) == 32
    assert [path.name for path in folder.iterdir()] == ["server.key"]
    assert (folder / "server.key").stat().st_mode & 0o777 == 0o600


def test_a_server_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    identity.server_key(tmp_path)
    (tmp_path / "server.key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        identity.server_key(tmp_path)


def test_a_damaged_server_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    identity.server_key(tmp_path)
    (tmp_path / "server.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="damaged"):
        identity.server_key(tmp_path)
    assert (tmp_path / "server.key").read_bytes() == b"short"
