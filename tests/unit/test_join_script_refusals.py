"""The join script: what is in a machine's way, each said in one line with its remedy."""

from __future__ import annotations

import email.utils
import errno
import os
import platform
import re
import shutil
import socket
import ssl
import sys
import time
import tomllib
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from head.gateway.node_files import ENVIRONMENT_SIZES, NodeFiles
from node_join import script


def test_the_script_is_told_all_sizes() -> None:
    files = NodeFiles()
    release = files.release("https://x")
    assert release["sizes"] == {name: len(files.content(name)) for name in files.names}
    assert {"url", "python", "wheel", "sha256"} <= set(release)
    assert script.told_size(release, "node", "download") == ENVIRONMENT_SIZES["node"]["download"]
    assert script.told_size({}, "node", "download") == 0
    assert "401 MB to download, 1,450 MB on disk" in script.sizes_line("node", release)


_KINDS = ("agent", "node", "neural", "uv")
_MACHINES = ({"platform_machine": "x86_64"}, {"platform_machine": "aarch64"})
_A_MAC = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"}


@pytest.mark.parametrize("kind", _KINDS)
def test_the_download_sizes_are_those_of_the_lock(kind: str) -> None:
    sums = []
    for machine in _MACHINES:
        sizes = [
            max(wheel["size"] for wheel in wheels if _fits(wheel["url"], machine["platform_machine"]))
            for wheels in _wheels(kind, machine)
        ]
        sums.append(sum(sizes))
    assert ENVIRONMENT_SIZES[kind]["download"] == pytest.approx(max(sums), rel=0.05)


@pytest.mark.parametrize("kind", _KINDS)
def test_every_package_has_a_build_for_macs(kind: str) -> None:
    """For the oldest macOS that the script takes."""
    for wheels in _wheels(kind, _A_MAC):
        assert any(_fits_a_mac(wheel["url"]) for wheel in wheels), wheels


def _wheels(kind: str, system: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """The wheels of each package of an environment on such a system, from uv.lock, whose hashes are pinned."""
    python = {"python_full_version": "3.11.9", "python_version": "3.11"}
    here = {name: str(value) for name, value in default_environment().items()} | python | system
    root = Path(script.__file__).parents[1]
    locked = {(p["name"], p["version"]): p for p in tomllib.loads((root / "uv.lock").read_text())["package"]}
    text = (root / "node_join" / "requirements" / f"{kind}.txt").read_text()
    pinned = set(re.findall(r"sha256:\w+", text))
    for line in text.splitlines():
        if not line.startswith(" "):
            wanted = Requirement(line.rstrip("\\ "))
            if wanted.marker is None or wanted.marker.evaluate(here):
                package = locked[(wanted.name, str(wanted.specifier).removeprefix("=="))]
                yield [wheel for wheel in package["wheels"] if wheel["hash"] in pinned]


def _fits(url: str, machine: str) -> bool:
    system = url.removesuffix(".whl").split("-")[-1]
    return _fits_python(url) and (system == "any" or ("manylinux" in system and machine in system))


def _fits_a_mac(url: str) -> bool:
    system = url.removesuffix(".whl").split("-")[-1]
    found = re.fullmatch(r"macosx_(\d+)_(\d+)_(arm64|universal2)", system.split(".")[0])
    old_enough = found is not None and (int(found[1]), int(found[2])) <= script.LEAST_MACOS
    return _fits_python(url) and (system == "any" or old_enough)


def _fits_python(url: str) -> bool:
    python, abi, _ = url.removesuffix(".whl").split("-")[-3:]
    return abi == "cp311" or (abi in ("none", "abi3") and python[:4] not in ("cp312", "cp313"))


def _mac(version: str) -> dict[str, Any]:
    """What is to be changed for a Mac."""
    told = (version, ("", "", ""), "arm64")
    return {"sys.platform": "darwin", "platform.machine": lambda: "arm64", "platform.mac_ver": lambda: told}


def _change(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in changes.items():
        module, attribute = name.split(".")
        monkeypatch.setattr({"sys": sys, "platform": platform, "os": os}[module], attribute, value)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"sys.platform": "darwin", "platform.machine": lambda: "x86_64"}, "no build for Intel's processors"),
        (_mac("12.7.6"), "This is macOS 12.7.6; the libraries need 13"),
        ({"sys.platform": "win32"}, "WSL2"),
        ({"sys.maxsize": 2**31 - 1}, "32-bit"),
        ({"platform.machine": lambda: "armv7l"}, "no build for armv7l"),
        ({"os.confstr": lambda name: None}, "not glibc"),
        ({"os.confstr": lambda name: "glibc 2.17"}, "glibc 2.17; the libraries need 2.28"),
    ],
)
def test_systems_without_builds(changes: dict[str, Any], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _change(changes, monkeypatch)
    with pytest.raises(script.Failure, match=line):
        script.check_platform()


def test_a_mac_needs_openmp_and_knows_that_it_has_no_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "OPENMP", tmp_path / "libomp.dylib")
    script.check_openmp()  # Linux' builds bring their own
    _change(_mac("15.1"), monkeypatch)
    script.check_platform()
    with pytest.raises(script.Failure, match="`brew install libomp`, then run the command again"):
        script.check_openmp()
    (tmp_path / "libomp.dylib").touch()
    script.check_openmp()
    assert "macOS has no namespaces, so this machine joins unsealed" in script.unsealed_notice()


def test_termux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMUX_VERSION", "0.118")
    with pytest.raises(script.Failure, match="Termux"):
        script.check_platform()


def test_an_old_python_gets_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    with pytest.raises(SystemExit, match=r"too old: 3.9"):
        script.main()


@pytest.mark.parametrize(
    ("settings", "root", "remedy"),
    [
        ({}, False, None),
        ({"user/max_user_namespaces": 0}, True, "user.max_user_namespaces=15000"),
        ({"kernel/unprivileged_userns_clone": 0}, False, "kernel.unprivileged_userns_clone=1"),
        ({"kernel/unprivileged_userns_clone": 0}, True, None),
        (
            {"kernel/apparmor_restrict_unprivileged_userns": 1},
            False,
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_a_machine_without_user_namespaces(
    settings: dict[str, int], root: bool, remedy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "setting", settings.get)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    notice = script.unsealed_notice()
    assert (notice == "") if remedy is None else ("joins unsealed" in notice and f"sysctl -w {remedy}" in notice)


def _date(off: float) -> str:
    return email.utils.formatdate(time.time() + off, usegmt=True)


def test_clocks() -> None:
    assert script.clock_warning(_date(0)) == script.clock_warning(_date(-200)) == ""
    assert "10 minutes ahead of" in script.clock_warning(_date(-600))
    assert "1,440 minutes behind" in script.clock_warning(_date(86400))
    assert script.clock_warning("") == script.clock_warning("soon") == ""


def _not_verified(code: int) -> urllib.error.URLError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "certificate is not yet valid"
    return urllib.error.URLError(error)


def test_a_certificate_of_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "unverified_date", lambda url: _date(86400))
    assert "minutes behind the server's. Set it" in script.why_unreachable("https://x", _not_verified(9))
    monkeypatch.setattr(script, "unverified_date", lambda url: _date(0))
    assert "operator to renew" in script.why_unreachable("https://x", _not_verified(10))
    assert "SSL_CERT_FILE" in script.why_unreachable("https://x", _not_verified(20))


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = urllib.error.URLError(OSError("Tunnel connection failed: 407 Proxy Authentication Required"))
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    line = script.why_unreachable("https://x.example/worker", refused)
    assert line.startswith("The proxy proxy.example:3128 does not let")
    assert "407" in line
    assert "secret" not in line
    assert "NO_PROXY" in line
    monkeypatch.setenv("no_proxy", "x.example")
    assert script.proxy_of("https://x.example/worker") == ""
    monkeypatch.delenv("no_proxy")
    assert "proxy.example" in script.why_refused("https://x.example", 407)


def test_servers_that_do_not_answer() -> None:
    unknown = urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))
    assert "not known here" in script.why_unreachable("https://x", unknown)
    refused = urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
    assert "does not answer" in script.why_unreachable("https://x", refused)
    assert "down or restarting" in script.why_refused("https://x", 502)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("error: failed to write\n  Caused by: No space left on device (os error 28)", "the disk is full. Make room"),
        ("error: failed to create file\n Permission denied (os error 13)", "cannot be written"),
        ("Hash mismatch for `ray==2.60.0`", "not the promised one"),
        ("tunnel error: 407 Proxy Authentication Required", "NO_PROXY"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("x No solution found when resolving dependencies", "no build for this machine"),
        ("error sending request: dns error: failed to lookup address information", "cannot be reached"),
        ("a panic", "its own words are above"),
    ],
)
def test_what_uv_says_is_told_in_one_line(
    words: str, meaning: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = script.why_failed("`uv pip install`", words, script.Watch("installing", 0, [tmp_path]))
    assert meaning in line
    assert "\n" not in line
    assert line.endswith("then run the command again.")
    assert words.splitlines()[0] in capsys.readouterr().out


def test_a_disk_that_was_full_while_uv_ran(tmp_path: Path) -> None:
    watch = script.Watch("installing", 0, [tmp_path])
    watch.least[tmp_path] = 4096
    assert f"the disk of {tmp_path} is full (0 MB free)" in script.why_failed("`uv venv`", "", watch)


def test_how_far_it_is(tmp_path: Path) -> None:
    watch = script.Watch("installing", 1_180_000_000, [tmp_path])
    assert watch.line(412_000_000) == "  installing: 412 MB of about 1,180 MB, 768 MB to go"
    assert watch.line(1_200_000_000) == "  installing: 1,200 MB so far"
    assert script.written(os.getpid()) > 0
    assert script.written(2**30) == 0


def test_no_room(tmp_path: Path) -> None:
    server = {"environments": {"node": {"installed": 10**15}}}
    with pytest.raises(
        script.Failure, match=r"the node's environment needs 1,100,000,000 MB. Make room, or set HAYRIDE"
    ):
        script.check_space("node", server, tmp_path)
    script.check_space("agent", server, tmp_path)


def test_folders_that_are_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(script.Failure, match=r"cannot be written: Not a directory. Set HAYRIDE_NODE_DIR"):
        script.make_folder(tmp_path / "file" / "state", "HAYRIDE_NODE_DIR")
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    with pytest.raises(script.Failure, match=r"noexec.*Set HAYRIDE_ENVIRONMENTS"):
        script.check_exec(tmp_path, "HAYRIDE_ENVIRONMENTS")
    full = OSError(errno.ENOSPC, "No space left on device", "/x/wheel")
    assert (
        script.why_disk(full) == "/x/wheel cannot be written: the disk is full. Make room, then run the command again."
    )
