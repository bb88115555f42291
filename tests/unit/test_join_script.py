"""The join script: what a stranger's shell runs."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import shutil
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


@pytest.mark.parametrize("cut", [*range(1, len(LINES)), "one byte short", "in the last word"])
def test_a_cut_off_download_runs_nothing(cut: int | str) -> None:
    text = "".join(LINES[:cut]) if isinstance(cut, int) else SOURCE.rstrip()[: -1 if cut == "one byte short" else -4]
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.suppress(SyntaxError, NameError):
        # Whatever of it is whole only defines: with an argument list that join() would act on, nothing happens.
        exec(compile(text, "cut", "exec"), {"__name__": "__main__"})
    assert heard.getvalue() == ""


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


def test_autostart_is_not_promised() -> None:
    assert script.parse(["--token=x", "--autostart", "off"]).token == "x"
    with pytest.raises(script.Failure, match="no --autostart on"):
        script.parse(["--token=x", "--autostart", "on"])


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
    python.write_text('#!/bin/sh\necho "$@" > asked\nmkdir -p "$7/bin" && touch "$7/bin/uv"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if shutil.which("uv", path="/usr/bin:/bin") is None else "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "requirements-uv.txt").write_bytes(NodeFiles().content("requirements-uv.txt"))
    return {"url": tmp_path.as_uri(), "sha256": {"requirements-uv.txt": NodeFiles().sha256("requirements-uv.txt")}}


def test_pip_brings_only_the_uv_that_the_server_names(no_uv: dict[str, Any], tmp_path: Path) -> None:
    program = Path(script.find_uv(tmp_path, no_uv))
    asked = Path("asked").read_text()
    assert program.exists()
    assert asked.startswith(f"-m pip install --quiet --upgrade --target {program.parents[1]} --require-hashes")
    requirements = Path(asked.split()[-1]).read_bytes()
    assert hashlib.sha256(requirements).hexdigest() == no_uv["sha256"]["requirements-uv.txt"]
    Path("asked").unlink()
    assert script.find_uv(tmp_path, no_uv) == str(program)
    assert not Path("asked").exists()  # it is there
    no_uv["sha256"]["requirements-uv.txt"] = "0" * 64
    with pytest.raises(script.Failure, match="not what the server promised"):
        script.find_uv(tmp_path, no_uv)
    assert not Path("asked").exists()
