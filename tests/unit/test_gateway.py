"""Rules of the gateway without sockets: the wheel, the limits, the cookies."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

import pytest
from pydantic import ValidationError

from head.gateway.limits import FailedJoins
from head.gateway.messages import JoinRequest
from head.gateway.node_files import NodeFiles, build_wheel
from head.gateway.sessions import DashboardSessions


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_wheel_says_what_it_holds() -> None:
    files = NodeFiles()
    with zipfile.ZipFile(io.BytesIO(files.content(files.wheel_name))) as wheel:
        names = wheel.namelist()
        (record,) = [name for name in names if name.endswith("/RECORD")]
        lines = [line.split(",") for line in wheel.read(record).decode().splitlines()]
        assert {line[0] for line in lines} == set(names)
        for name, digest, size in lines:
            if name == record:
                assert (digest, size) == ("", "")
                continue
            content = wheel.read(name)
            urlsafe = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={urlsafe}", str(len(content)))
    assert {"node_join/cli.py", "node_join/inner/__main__.py", "ray_jobs/ports.py", "sealing/box.py"} <= set(names)
    assert not any(name.startswith(("head/", "bot/")) or "__pycache__" in name for name in names)


def test_the_same_files_give_the_same_wheel() -> None:
    files = {"a/__init__.py": b"", "a/b.py": b"x = 1\n"}
    assert build_wheel(files, "1.0") == build_wheel(dict(reversed(files.items())), "1.0")
    assert build_wheel(files, "1.0") != build_wheel({**files, "a/b.py": b"x = 2\n"}, "1.0")


def test_the_requirements_are_hashed_and_name_no_index() -> None:
    files = NodeFiles()
    for name, least in (("requirements-uv.txt", 1), ("requirements-agent.txt", 6), ("requirements-node.txt", 6)):
        text = files.content(name).decode()
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
        assert len(pins) >= least
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
    assert "ray==2.60.0" in files.content("requirements-node.txt").decode()
    assert "ray" not in {line.split("==")[0] for line in files.content("requirements-agent.txt").decode().splitlines()}


def test_failed_joins_of_one_address_are_slowed_down_for_a_minute() -> None:
    clock = Clock()
    failed = FailedJoins(clock, limit=3)
    for _ in range(3):
        assert failed.wait("a") == 0
        failed.note("a")
        clock.now += 10
    assert failed.wait("a") == 30
    assert failed.wait("b") == 0
    clock.now += 30
    assert failed.wait("a") == 0


def test_addresses_that_failed_are_forgotten_before_they_fill_the_memory() -> None:
    failed = FailedJoins(Clock(), limit=1, addresses=2)
    for address in "abc":
        failed.note(address)
    assert [failed.wait(address) > 0 for address in "abc"] == [False, True, True]


def test_a_cookie_opens_one_pool_for_half_a_day() -> None:
    clock = Clock()
    sessions = DashboardSessions(clock)
    cookie, other = sessions.open("p1"), sessions.open("p2")
    assert (sessions.pool(cookie), sessions.pool(other)) == ("p1", "p2")
    assert sessions.pool("guess") is None
    assert sessions.pool(None) is None
    clock.now += 12 * 3600 + 1
    assert sessions.pool(cookie) is None


def test_a_join_request_of_another_shape_is_refused() -> None:
    good = {
        "token": "t",
        "public_key": base64.b64encode(b"k" * 32).decode(),
        "name": "laptop",
        "facts": {"cores": 8, "memory": 1},
    }
    JoinRequest.model_validate({**good, "a later version says more": 1})
    for bad in (
        {"public_key": base64.b64encode(b"k" * 31).decode()},
        {"public_key": "!"},
        {"name": "a\x1b[2J"},
        {"name": "a" * 41},
        {"name": " \u3000"},
        {"name": " Head "},
        {"token": "t" * 129},
        {"facts": {"cores": 0, "memory": 1}},
        {"facts": {"cores": 8, "memory": 1, "allowed": ["x\n"]}},
    ):
        with pytest.raises(ValidationError):
            JoinRequest.model_validate({**good, **bad})
