"""The systemd unit: systemd itself finds nothing wrong with it, and what it starts runs as written.

Needs Debian's package systemd (systemd-analyze); no running systemd.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from node_join.autostart.service import Service, service_here
from node_join.autostart.systemd import UNIT, unit
from tests.support.units import command, environment, read_unit

pytestmark = pytest.mark.system


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Of a machine that has not joined, in a folder whose name needs escapes."""
    for name in [name for name in os.environ if re.search("proxy|^UV_", name, re.IGNORECASE)]:
        monkeypatch.delenv(name)
    state = tmp_path / "50% ours, $HOME ${X} and é"
    state.mkdir()
    (state / "current").symlink_to(sys.prefix)
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(state))
    return service_here(state, ["--as-root", "--insecure"])


def systemd_version() -> int:
    told = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    (number,) = re.findall(r"^systemd (\d+)", told)
    return int(number)


@pytest.mark.parametrize("system", [False, True], ids=["user", "system"])
def test_systemd_finds_nothing_wrong(service: Service, tmp_path: Path, system: bool) -> None:
    path = tmp_path / UNIT
    path.write_text(unit(service, system=system, version=systemd_version(), user="root"))
    verify = ["systemd-analyze", "verify", "--man=no", *([] if system else ["--user"]), str(path)]
    done = subprocess.run(
        verify, capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    )
    # It reads every unit of the host that ours pulls in, and has words about those too.
    about_ours = [line for line in done.stderr.splitlines() if UNIT in line]
    assert not about_ours
    assert done.returncode == 0, done.stderr


def test_systemd_sees_what_is_wrong(service: Service, tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    path = tmp_path / UNIT
    text = unit(service, system=True, version=systemd_version())
    path.write_text(text.replace("Restart=always", "Restart=perhaps").replace("KillMode=", "KilMode="))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert "KilMode" in done.stderr
    assert "perhaps" in done.stderr


def test_what_it_starts_runs_as_written(service: Service) -> None:
    read = read_unit(unit(service, system=False, version=systemd_version()))
    start = command(read)
    assert start[0] == f"{service.state}/current/bin/hayride-node"
    done = subprocess.run(
        start, env=environment(read), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hayride-node: This machine has not joined a pool.")
    assert done.stderr.count("\n") == 1
