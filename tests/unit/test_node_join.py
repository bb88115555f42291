"""The rules of a machine that need none: what may be shown, how long to wait, what is signed, what Ray is told."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from head.gateway import tunnel as gateway
from node_join import messages
from node_join.allow import allowed_folders
from node_join.backoff import Backoff
from node_join.errors import AlreadyRunning, NodeError
from node_join.facts import in_words
from node_join.inner.config import Grant, InnerConfig
from node_join.inner.raylet import ray_environment, ray_start
from node_join.state import Machine, StateFolder
from tests.support.machines import joined


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("home/data/deep", "home/.ssh/keys", "home/.local/share/hayride-node", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "home/file.csv").touch()
    (tmp_path / "home/innocent").symlink_to(tmp_path / "home/.ssh")
    return tmp_path / "home"


def allow(home: Path, *paths: Path) -> tuple[str, ...]:
    return allowed_folders(list(paths), home=home, state=home / ".local/share/hayride-node")


def test_without_a_wish_one_folder_is_made(home: Path) -> None:
    assert allow(home) == (str(home / "hayride"),)
    assert (home / "hayride").is_dir()


def test_a_folder_in_an_allowed_one_is_said_once(home: Path) -> None:
    assert allow(home, home / "data/deep", home / "data", home.parent / "elsewhere") == (
        str(home.parent / "elsewhere"),
        str(home / "data"),
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "home folder"),
        ("", "home folder"),
        ("..", "home folder"),
        (".ssh", ".ssh is where"),
        (".ssh/keys", ".ssh is where"),
        ("innocent", ".ssh is where"),
        ("data/../.ssh", ".ssh is where"),
        (".local/share/hayride-node", ".local is where"),
        ("/etc", "belongs to the system"),
        ("/proc/self", "belongs to the system"),
        ("/usr/share", "belongs to the system"),
        ("file.csv", "is a file"),
        ("nowhere", "is not there"),
    ],
)
def test_what_is_not_shown_and_why(home: Path, path: str, why: str) -> None:
    with pytest.raises(NodeError, match=why):
        allow(home, home / path)


def test_the_folder_with_the_machines_key_is_not_shown_wherever_it_is(home: Path) -> None:
    state = home.parent / "elsewhere" / "state"
    state.mkdir()
    for path in (state, state.parent):
        with pytest.raises(NodeError, match="key"):
            allowed_folders([path], home=home, state=state)


@given(st.integers())
def test_waits_grow_stay_under_the_cap_and_never_end(seed: int) -> None:
    backoff = Backoff(random.Random(seed))
    waits = [backoff.wait() for _ in range(200)]
    assert 0.25 <= waits[0] <= 0.5
    assert all(15 <= wait <= 30 for wait in waits[10:])
    backoff.reset()
    assert backoff.wait() <= 0.5


def test_both_ends_sign_the_same_bytes() -> None:
    assert messages.signed_by_machine("m1", b"nonce") == gateway.signed_by_machine("m1", b"nonce")
    assert messages.signed_by_server("m1", b"n", b"m") == gateway.signed_by_server("m1", b"n", b"m")
    assert messages.signed_by_machine("m1", b"nonce") == b"hayride tunnel v1\0m1\0nonce"


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.make()
    assert state.public_key() == state.public_key()
    assert (state.path / "key").stat().st_mode & 0o777 == 0o600
    assert state.path.stat().st_mode & 0o777 == 0o700


def test_what_was_joined_is_kept(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.make()
    assert state.machine() is None
    machine = joined(state)
    assert state.machine() == machine
    (state.path / "machine.json").write_text("{")
    with pytest.raises(NodeError, match="damaged"):
        state.machine()


@pytest.mark.parametrize(
    "address",
    ["127.77.1.1; reboot", "127.77.1.1\n", "127.0.0.1", "127.77.0.1", "127.77.\u0663.1", "10.0.0.1", "::1", ""],
)
def test_an_address_is_one_and_on_loopback(address: str, tmp_path: Path) -> None:
    """It comes from the server, and on a Mac it goes into what root runs."""
    known = joined(StateFolder(tmp_path / "state")).model_dump(mode="json")
    with pytest.raises(ValidationError):
        Machine.model_validate(known | {"address": address})


def test_one_node_agent_at_a_time(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with state.only_one(), pytest.raises(AlreadyRunning), state.only_one():
        pass


def test_ray_is_told_everything_outright() -> None:
    config = InnerConfig(folder=Path("/node"), temp=Path("/node/ray"), cores=8, memory=10**10, object_store=10**8)
    grant = Grant(
        door_key="ssh-ed25519 A", ray_token="secret", tag="u_abc", machine_tag="m_1", address="127.77.1.5",
        ray_version="2.60.0", direct=False,
    )  # fmt: skip
    command = ray_start(config, grant)
    assert not any("secret" in part for part in command)
    environment = ray_environment(config.model_copy(update={"niceness": 7}), grant)
    assert environment["RAY_AUTH_TOKEN"] == "secret"
    assert environment["RAY_worker_niceness"] == "7"
    (resources,) = [part.split("=", 1)[1] for part in command if part.startswith("--resources")]
    assert json.loads(resources) == {"u_abc": 1000, "m_1": 1000}
    for flag in ("--address=127.77.0.1:6379", "--node-ip-address=127.77.1.5", "--num-cpus=8"):
        assert flag in command


def test_a_machine_in_words() -> None:
    assert in_words(8, 32 * 1024**3) == "8 cores, 32 GB"
    assert in_words(1, 2 * 1024**3) == "1 core, 2 GB"
