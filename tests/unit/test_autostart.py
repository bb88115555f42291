"""Autostart: what is written for systemd, launchd and Windows, and how systemd's tools are called."""

from __future__ import annotations

import os
import plistlib
import pwd
import shlex
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_join import cli
from node_join.agent import EXIT_FOR_GOOD
from node_join.autostart import launchd, systemd, task_scheduler
from node_join.autostart.here import autostart_here
from node_join.autostart.service import Service, environment_to_keep, service_here
from node_join.errors import NodeError
from node_join.state import StateFolder
from tests.support.fake_tools import FakeTools
from tests.support.machines import joined
from tests.support.units import command, environment, read_unit
from tests.support.xsd import Schema

SERVICE = Service(
    program=("/home/ann/.local/share/hayride-node/current/bin/hayride-node",),
    flags=("--insecure",),
    environment={"SSL_CERT_FILE": "/home/ann/our certificates.pem"},
    state=Path("/home/ann/.local/share/hayride-node"),
)
SCHEMA = Schema(Path(__file__).parent.parent / "support" / "task.xsd")


# --- systemd's unit ---


@pytest.mark.parametrize("system", [False, True])
def test_a_unit_starts_the_agent_again_whatever_ended_it_but_a_refusal(system: bool) -> None:
    unit = read_unit(systemd.unit(SERVICE, system=system, version=255, user="root"))
    service = unit["Service"]
    assert command(unit) == list(SERVICE.command)
    assert environment(unit) == SERVICE.environment
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == [str(EXIT_FOR_GOOD)]
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert service["RestartSteps"]
    assert service["KillMode"] == ["mixed"]
    assert unit["Unit"]["After"] == (["network-online.target"] if system else [])
    assert unit["Install"]["WantedBy"] == ["multi-user.target" if system else "default.target"]
    assert service["User"] == (["root"] if system else [])


def test_an_older_systemd_is_told_nothing_that_it_does_not_know() -> None:
    service = read_unit(systemd.unit(SERVICE, system=False, version=252))["Service"]
    assert service["RestartSec"] == ["10"]
    assert not service["RestartSteps"]
    assert not service["RestartMaxDelaySec"]


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)
def test_whatever_a_path_or_a_value_holds_comes_back(name: str, value: str) -> None:
    service = Service(
        program=(f"/{name}/hayride-node",), flags=(value,), environment={"A": value}, state=Path("/") / name
    )
    text = systemd.unit(service, system=False, version=255)
    unit = read_unit(text)
    assert command(unit) == list(service.command)
    assert environment(unit) == service.environment


# --- what of the person's environment is kept ---


def test_the_environment_keeps_what_the_agent_needs_and_nothing_else() -> None:
    mine = {
        "HAYRIDE_NODE_DIR": "state",
        "SSL_CERT_FILE": "/etc/x.pem",
        "https_proxy": "http://proxy:3128",
        "HAYRIDE_ENVIRONMENTS": "",
        "TELEGRAM_TOKEN": "secret",
    }
    assert environment_to_keep(mine, ("hayride-node",)) == {
        "HAYRIDE_NODE_DIR": str(Path("state").absolute()),
        "SSL_CERT_FILE": "/etc/x.pem",
        "https_proxy": "http://proxy:3128",
    }


@pytest.mark.parametrize("proxy", ["http://ann:pw@proxy:3128", "ann:pw@proxy:3128", "http://token@proxy"])
def test_a_password_is_not_written_down(proxy: str) -> None:
    with pytest.raises(NodeError, match=r"HTTPS_PROXY holds .* start by hand: hayride-node run") as told:
        environment_to_keep({"HTTPS_PROXY": proxy}, ("hayride-node",))
    assert "pw" not in str(told.value)


def test_the_program_is_the_stable_one_where_the_join_made_it(tmp_path: Path) -> None:
    assert service_here(tmp_path, ()).program in (
        (str(Path(sys.prefix) / "bin" / "hayride-node"),),
        (sys.executable, "-m", "node_join.cli"),
    )
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "hayride-node").touch(mode=0o755)
    (tmp_path / "current").symlink_to(tmp_path / "env")
    assert service_here(tmp_path, ("--as-root",)).command == (
        str(tmp_path / "current" / "bin" / "hayride-node"), "run", "--as-root",
    )  # fmt: skip


# --- launchd and Windows, experimental ---


def test_a_plist_has_what_launchd_needs() -> None:
    plist = plistlib.loads(launchd.plist(SERVICE))
    assert plist["Label"] == "hayride-node"
    assert plist["ProgramArguments"] == list(SERVICE.command)
    assert plist["RunAtLoad"] is True
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["ThrottleInterval"] >= 10
    assert plist["EnvironmentVariables"] == SERVICE.environment
    assert plist["StandardOutPath"] == plist["StandardErrorPath"] == str(SERVICE.state / "launchd.log")


def task(**changes: str) -> str:
    names = {"distribution": "Ubuntu 24", "user": "ann", "windows_user": r"PC\Ann & Bob", **changes}
    return task_scheduler.task(SERVICE, **names)


def parsed(text: str) -> ET.Element:
    """As Windows reads the file: UTF-16, as its first line says."""
    return ET.fromstring(text.encode("utf-16"))


def test_a_task_is_valid_by_microsofts_schema() -> None:
    assert SCHEMA.problems(parsed(task())) == []


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("<Command>wsl.exe</Command>", "", "lacks"),
        ("PT1M", "PT1S", "minInclusive"),
        ("PT0S", "0", "duration"),
        ("IgnoreNew", "Ignore", "none of"),
        ("<Enabled>true</Enabled>\n      <UserId>", "<UserId>", ""),
        ("</LogonTrigger>", "<Enabled>true</Enabled></LogonTrigger>", "twice"),
        ('Context="Author"', 'Context="Nobody"', "Context"),
        ('version="1.3"', 'version="9"', "version"),
        ("<Hidden>", "<Hiding>", "Hiding"),
    ],
)
def test_the_schema_refuses_what_is_wrong(right: str, wrong: str, why: str) -> None:
    text = task()
    assert right in text
    text = text.replace(right, wrong).replace("</Hidden>", "</Hiding>" if why == "Hiding" else "</Hidden>")
    problems = SCHEMA.problems(parsed(text))
    assert any(why in problem for problem in problems) if why else not problems


def test_a_task_runs_the_agent_in_the_distribution() -> None:
    space = {"t": task_scheduler.NAMESPACE}
    root = parsed(task())
    assert root.findtext("t:Triggers/t:LogonTrigger/t:UserId", namespaces=space) == r"PC\Ann & Bob"
    words = shlex.split(root.findtext("t:Actions/t:Exec/t:Arguments", "", space))
    environment = ["/usr/bin/env", "SSL_CERT_FILE=/home/ann/our certificates.pem"]
    assert words == ["-d", "Ubuntu 24", "-u", "ann", "--exec", *environment, *SERVICE.command]


def test_in_wsl_windows_itself_keeps_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = FakeTools(tmp_path / "tools", monkeypatch)
    tools.add("schtasks.exe")
    tools.add("whoami.exe", answers=r"pc\ann")
    tools.add("wslpath", answers=r"C:\x.xml")
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    keeper = autostart_here()
    assert isinstance(keeper, task_scheduler.TaskScheduler)
    assert "experimental" in " ".join(keeper.on(SERVICE, start=True))
    keeper.off(stop=True)
    done = [" ".join(call.split()[:2]) for call in tools.calls() if call.startswith("schtasks")]
    assert done == [f"schtasks.exe {verb}" for verb in ("/Create", "/Run", "/Query", "/End", "/Delete")]


# --- the command, with a systemd that writes down its calls ---


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HAYRIDE_ENVIRONMENTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CONFIG_HOME", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "state"))
    joined(StateFolder(tmp_path / "state"))
    # Also as root these tests write a service of the person: /etc is not theirs.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.getpwnam("root"))
    return tmp_path


@pytest.fixture
def tools(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    tools = FakeTools(home / "tools", monkeypatch)
    tools.add("systemctl", answers="systemd 255 (255.4)")
    tools.add("loginctl", answers="yes")
    return tools


def run(*words: str) -> int | str:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code is not None
    return end.value.code


def test_on_writes_enables_starts_and_lingers(home: Path, tools: FakeTools, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("autostart", "on", "--insecure") == 0
    path = home / ".config/systemd/user/hayride-node.service"
    unit = read_unit(path.read_text())
    assert command(unit)[-2:] == ["run", "--insecure"]
    assert environment(unit) == {"HAYRIDE_NODE_DIR": str(home / "state")}
    assert tools.calls()[-3:] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now hayride-node.service",
        "loginctl --no-ask-password enable-linger",
    ]
    told = capsys.readouterr().out
    assert f"Autostart is on: a systemd service of yours, {path}" in told
    assert "was started" in told


def test_on_starts_no_second_one(home: Path, tools: FakeTools, capsys: pytest.CaptureFixture[str]) -> None:
    with StateFolder(home / "state").only_one():
        assert run("autostart", "on") == 0
    assert "systemctl --user enable hayride-node.service" in tools.calls()
    assert "runs already" in capsys.readouterr().out


def test_without_lingering_the_person_is_told_what_to_do(tools: FakeTools, capsys: pytest.CaptureFixture[str]) -> None:
    tools.add("loginctl", fails_on="enable-linger", error="Access denied")
    assert run("autostart", "on") == 0
    assert "(Access denied), so it starts when you log in" in capsys.readouterr().out


def test_status_and_off(home: Path, tools: FakeTools, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("autostart", "on") == 0
    units = home / ".config/systemd/user"
    (units / "default.target.wants").mkdir()
    (units / "default.target.wants/hayride-node.service").symlink_to(units / "hayride-node.service")  # `enable` does
    capsys.readouterr()
    assert run("autostart") == 0
    assert "Autostart is on" in capsys.readouterr().out
    assert run("autostart", "off") == 0
    told = capsys.readouterr().out
    assert "Autostart is off." in told
    assert "loginctl disable-linger" in told
    assert "systemctl --user disable hayride-node.service" in tools.calls()
    assert not [path for path in units.rglob("*") if not path.is_dir()]
    assert run("autostart", "status") == 0
    assert run("autostart", "off") == 0
    assert capsys.readouterr().out == "Autostart is off.\nAutostart was off already.\n"


def test_without_systemd_one_line_says_how_to_start_by_hand(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeTools(home / "none", monkeypatch)
    told = str(run("autostart", "on", "--insecure"))
    assert told.startswith("hayride-node: Autostart cannot be set up: there is no systemd here")
    assert told.endswith("hayride-node run --insecure")
    assert "\n" not in told
    assert not (home / ".config").exists()


def test_a_path_that_systemd_does_not_take_is_said(
    home: Path, tools: FakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = home / "o'brien"
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(state))
    joined(StateFolder(state))
    (state / "current/bin").mkdir(parents=True)
    (state / "current/bin/hayride-node").touch(mode=0o755)
    assert "a quote, a backslash or a control character in its path" in str(run("autostart", "on"))


def test_without_a_session_one_line_says_why(tools: FakeTools) -> None:
    tools.add("systemctl", fails_on="show-environment", error="Failed to connect to bus: No medium found")
    told = str(run("autostart", "on"))
    assert "Failed to connect to bus: No medium found; log in as this user directly" in told
    assert "by hand" in told


def test_a_machine_that_never_joined_gets_no_service(home: Path, tools: FakeTools) -> None:
    (home / "state/machine.json").unlink()
    assert "has not joined" in str(run("autostart", "on"))
    assert tools.calls() == []


def test_plain_http_needs_the_word_for_it(home: Path, tools: FakeTools) -> None:
    joined(StateFolder(home / "state"), url="http://elsewhere")
    assert "--insecure" in str(run("autostart", "on"))
    assert tools.calls() == []
