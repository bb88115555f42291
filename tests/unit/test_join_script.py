"""The join script: what a stranger's shell runs."""

from __future__ import annotations

import ast
import fcntl
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from head.gateway.join import join_script
from head.gateway.node_files import NodeFiles
from node_join import script

SOURCE = Path(script.__file__).read_text()
LINES = SOURCE.splitlines(keepends=True)


def test_it_is_python_3_9_and_standard_library_alone() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_main_is_its_last_line() -> None:
    assert LINES[-1].strip() == "main()"
    assert SOURCE.count("main()") == 2  # its definition, and the call


#: Runs prefixes of a script and ends with 1 as soon as one of them opens a file to write, connects or starts anything.
_PREFIXES = """
import json, os, sys
def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event.startswith(("subprocess.", "socket.", "os.", "shutil.")) and event not in harmless:
        os.write(2, f"{event} {arguments}\\n".encode())
        os._exit(1)
harmless = ("os.listdir", "os.scandir")
source, cuts = json.load(sys.stdin)
import argparse, contextlib, email.utils, http.client, importlib.util, ipaddress, platform, shutil, ssl, subprocess
import urllib.request
sys.argv = ["-", "--token=x"]
sys.addaudithook(watch)
for cut in cuts:
    try:
        exec(compile(source[:cut], "cut", "exec"), {"__name__": "__main__"})
    except (SyntaxError, NameError, ImportError):  # the last: in the name of a module
        pass
"""


def test_a_cut_off_download_runs_nothing() -> None:
    filled = join_script("http://127.0.0.1:1", NodeFiles())
    whole = len(filled.rstrip()) - 1  # without its last parenthesis it is still cut off
    chosen = random.Random(4).sample(range(whole), 150)
    ends = [match.end() for match in re.finditer(r"\n(?=\S)", filled) if match.end() <= whole]
    cuts = sorted({*chosen, *ends, *range(whole - 60, whole + 1)})
    done = subprocess.run(
        [sys.executable, "-c", _PREFIXES], input=json.dumps([filled, cuts]), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_whole_script_would_be_noticed() -> None:
    filled = join_script("http://127.0.0.1:1", NodeFiles())
    done = subprocess.run(
        [sys.executable, "-c", _PREFIXES],
        input=json.dumps([filled, [len(filled)]]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1


def test_what_the_server_fills_in_stays_data() -> None:
    url = 'https://x/"; import os #\\\n\u2028</script>'
    filled = join_script(url, NodeFiles())
    before, after = ast.parse(SOURCE), ast.parse(filled, feature_version=(3, 9))
    assert len(before.body) == len(after.body)
    (told,) = [
        ast.literal_eval(node.value)
        for node in after.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "SERVER"
    ]
    assert json.loads(told)["url"] == url
    assert filled.isascii()


@pytest.mark.parametrize(
    "url",
    [
        "https://hayride.example",
        "https://10.0.0.1:8443",
        "http://127.0.0.1:8000",
        "http://localhost:1",
        "http://[::1]:80",
    ],
)
def test_addresses_over_which_a_token_may_go(url: str) -> None:
    script.check_url(url, insecure=False)


@pytest.mark.parametrize("url", ["http://hayride.example", "http://10.0.0.1", "http://127.0.0.1.evil.example"])
def test_plain_http_needs_to_be_asked_for(url: str) -> None:
    with pytest.raises(script.Failure, match="--insecure"):
        script.check_url(url, insecure=False)
    script.check_url(url, insecure=True)


@pytest.mark.parametrize("url", ["", "hayride.example", "ftp://x", "https://", "https://user@host", "https://x:port"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(script.Failure, match="no address"):
        script.check_url(url, insecure=True)


def test_autostart_is_off_unless_asked_for() -> None:
    assert script.parse(["--token=x"]).autostart == "off"
    assert script.parse(["--token=x", "--autostart", "on"]).autostart == "on"


def test_an_environment_is_named_by_all_that_goes_into_it() -> None:
    server = {"python": "3.11", "wheel": "w.whl", "sha256": {"w.whl": "1", "requirements-agent.txt": "2"}}
    name = script.environment_name("agent", server)
    assert name == script.environment_name("agent", dict(server))
    for other in ({"w.whl": "9", "requirements-agent.txt": "2"}, {"w.whl": "1", "requirements-agent.txt": "9"}):
        assert script.environment_name("agent", {**server, "sha256": other}) != name
    assert script.environment_name("agent", {**server, "python": "3.12"}) != name


@pytest.fixture
def no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A server, and a machine without uv whose pip writes down what it is asked and brings a file bin/uv."""
    python = tmp_path / "python3"
    asked = tmp_path / "asked"
    python.write_text(f'#!/bin/sh\necho "$@" > {asked}\nmkdir -p "$7/bin" && touch "$7/bin/uv"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if shutil.which("uv", path="/usr/bin:/bin") is None else "")
    monkeypatch.setattr(script, "has_pip", lambda: True)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "requirements-uv.txt").write_bytes(NodeFiles().content("requirements-uv.txt"))
    return {"url": tmp_path.as_uri(), "sha256": {"requirements-uv.txt": NodeFiles().sha256("requirements-uv.txt")}}


def test_pip_brings_only_the_uv_that_the_server_names(no_uv: dict[str, Any], tmp_path: Path) -> None:
    program = Path(script.find_uv(tmp_path, no_uv))
    asked = (tmp_path / "asked").read_text()
    assert program.exists()
    assert asked.startswith(f"-m pip install --quiet --upgrade --target {program.parents[1]} --require-hashes")
    requirements = Path(asked.split()[-1]).read_bytes()
    assert hashlib.sha256(requirements).hexdigest() == no_uv["sha256"]["requirements-uv.txt"]
    (tmp_path / "asked").unlink()
    assert script.find_uv(tmp_path, no_uv) == str(program)
    assert not (tmp_path / "asked").exists()  # it is there
    no_uv["sha256"]["requirements-uv.txt"] = "0" * 64
    with pytest.raises(script.Failure, match="not what the server promised"):
        script.find_uv(tmp_path, no_uv)
    assert not (tmp_path / "asked").exists()


def test_an_old_uv_is_left_alone(no_uv: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = tmp_path / "path" / "uv"
    on_path.parent.mkdir()
    monkeypatch.setenv("PATH", f"{on_path.parent}:/usr/bin:/bin")
    for says, ours in (("echo uv 0.7.22", True), ("exit 127", True), ("echo 'uv 0.8.0 (abc 2025-07-17)'", False)):
        on_path.write_text(f"#!/bin/sh\n{says}\n")
        on_path.chmod(0o755)
        assert (script.find_uv(tmp_path, no_uv) != str(on_path)) is ours


def test_without_pip_a_virtual_environment_brings_it(
    no_uv: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "has_pip", lambda: False)
    Path(sys.executable).write_text("#!/bin/sh\necho No module named ensurepip\nexit 1\n")
    with pytest.raises(script.Failure, match=r"neither pip nor a whole venv.*apt install python3-venv"):
        script.find_uv(tmp_path, no_uv)
    made = '#!/bin/sh\nmkdir -p "$4/bin" && printf "#!/bin/sh\\ntouch $4/bin/uv\\n" > "$4/bin/python"\n'
    Path(sys.executable).write_text(made + 'chmod +x "$4/bin/python"\n')
    program = Path(script.find_uv(tmp_path, no_uv))
    assert program.exists()
    assert program.parts[-3:] == ("venv", "bin", "uv")


# --- paths that stay ----------------------------------------------------------------------------------------------


def _environment(state: Path, name: str) -> Path:
    folder = state / "environments" / name
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "hayride-node").write_text("#!/bin/sh\n")
    (folder / "bin" / "hayride-node").chmod(0o755)
    (folder / "complete").write_text("")
    return folder


def test_current_moves_at_once(tmp_path: Path) -> None:
    for name in ("agent-1", "agent-2"):
        program = script.point_to(tmp_path, _environment(tmp_path, name))
        assert program == str(tmp_path / "current" / "bin" / "hayride-node")
        assert Path(program).resolve().parts[-3] == name
    (tmp_path / "current.new").symlink_to("nowhere")  # a join that was killed in between
    script.point_to(tmp_path, tmp_path / "environments" / "agent-1")
    assert not (tmp_path / "current.new").is_symlink()


def test_the_command_is_linked_where_people_have_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    program = script.point_to(tmp_path, _environment(tmp_path, "agent-1"))
    folder = tmp_path / ".local" / "bin"
    assert script.link_command(program) == program
    assert not folder.exists()
    folder.mkdir(parents=True)
    assert script.link_command(program) == program  # linked, but not on PATH
    assert os.readlink(folder / "hayride-node") == program
    monkeypatch.setenv("PATH", f"/usr/bin:/bin:{folder}")
    assert script.link_command(program) == "hayride-node"
    (folder / "hayride-node").unlink()
    (folder / "hayride-node").write_text("somebody's own")
    (folder / "hayride-node").chmod(0o755)
    assert script.link_command(program) == program
    assert (folder / "hayride-node").read_text() == "somebody's own"


def test_old_environments_go_where_nobody_uses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path))
    monkeypatch.delenv("HAYRIDE_ENVIRONMENTS", raising=False)
    old, locked, node = (
        _environment(tmp_path, f"{kind}-{'0' * 15}{n}") for n, kind in enumerate(("agent", "agent", "node"))
    )
    keep, other = _environment(tmp_path, "agent-" + "f" * 16), _environment(tmp_path, "mine")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a node agent runs
        script.remove_old(tmp_path, (keep,))
    monkeypatch.setenv("HAYRIDE_ENVIRONMENTS", str(tmp_path / "environments"))
    script.remove_old(tmp_path, (keep,))
    assert old.exists()
    monkeypatch.delenv("HAYRIDE_ENVIRONMENTS")
    with locked.with_name(locked.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a join makes it
        script.remove_old(tmp_path, (keep,))
    assert [folder.exists() for folder in (old, node, locked, keep, other)] == [False, False, True, True, True]


def test_a_service_learns_where_the_node_is(tmp_path: Path) -> None:
    (tmp_path / "machine.json").write_text('{"name": "laptop", "node_python": ""}')
    script.note_node(tmp_path, "/x/bin/python")
    assert json.loads((tmp_path / "machine.json").read_text()) == {"name": "laptop", "node_python": "/x/bin/python"}
    assert (tmp_path / "machine.json").stat().st_mode & 0o777 == 0o600
