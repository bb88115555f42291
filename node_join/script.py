"""Joins this machine to a Hayride server. You got it by `curl -fsSL SERVER/worker | python3 - --token=...`.

What it does, and nothing else:
 1. makes two private Python environments below ~/.local/share/hayride-node (or $HAYRIDE_NODE_DIR), all downloads
    checked by hash: a small one for the node agent, and one with Ray and the learning libraries for the sealed box
    (with your own uv if you have it; if not, pip brings one for this alone, checked in the same way);
 2. makes a key of this machine's own and exchanges the token of the pasted command for a place in your pool;
 3. starts the node agent, which keeps one outbound connection to the server. Nothing here listens for others.

It asks nothing, needs no root, can be run again at any time, and does nothing at all when it was cut off while loading.
Standard library only, any Python from 3.9 on.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import ipaddress
import json
import os
import platform
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVER = "{}"  # the server writes its own line here

AGENT, NODE = "agent", "node"
#: Bytes that the node's environment takes at most, where nothing is shared with uv's cache.
NODE_SIZE = 2_000_000_000
DOWNLOAD_LIMIT = 16 * 1024 * 1024


class Failure(Exception):
    """Ends the script with one line: what went wrong and what to do about it."""


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


# --- rules --------------------------------------------------------------------------------------------------------


def check_url(url: str, insecure: bool) -> None:
    """Refuses an address over which a token could be read by others: plain HTTP to anything but this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  (raises for a port that is none)
    except ValueError:
        raise Failure(f"{url!r} is no address of a server. Copy the command from the chat again.") from None
    if parts.scheme not in ("http", "https") or not host or parts.username:
        raise Failure(f"{url!r} is no address of a server. Copy the command from the chat again.")
    if parts.scheme == "http" and not is_loopback(host) and not insecure:
        raise Failure(
            f"{url} is plain HTTP: anyone on the way could take your place in the pool. "
            "Ask for an https address, or add --insecure if you trust the whole network in between."
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_user(as_root: bool) -> None:
    if os.geteuid() == 0 and not as_root:
        raise Failure("This is root. Run it as an ordinary user, or add --as-root if you mean it.")


def check_platform() -> None:
    if sys.platform != "linux":
        raise Failure(f"{platform.system()} is not supported by this version. Use Linux, or WSL2 on Windows.")
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Failure(f"Ray has no build for {platform.machine()}. Use an x86-64 or arm64 machine.")


def state_folder() -> Path:
    chosen = os.environ.get("HAYRIDE_NODE_DIR")
    return Path(chosen).absolute() if chosen else Path.home() / ".local" / "share" / "hayride-node"


def environments_folder() -> Path:
    chosen = os.environ.get("HAYRIDE_ENVIRONMENTS")
    return Path(chosen).absolute() if chosen else state_folder() / "environments"


# --- downloads ----------------------------------------------------------------------------------------------------


def why_unreachable(url: str, error: BaseException) -> str:
    """One line for a failed connection."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        told = getattr(reason, "verify_message", "") or "it cannot be verified"
        return (
            f"The TLS certificate of {url} is not accepted: {told}. "
            "Check this machine's clock; for a private authority set SSL_CERT_FILE."
        )
    if isinstance(reason, ssl.SSLError):
        return f"No TLS connection to {url}: {reason}. Check the address and any proxy in between."
    if isinstance(reason, socket.gaierror):
        return f"The name in {url} is not known here. Check the address and this machine's network."
    return f"{url} does not answer: {reason}. Check the network, and HTTPS_PROXY if you need a proxy."


def fetch(url: str, sha256: str) -> bytes:
    """The bytes behind `url`, if they are the ones that the server promised."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content: bytes = answer.read(DOWNLOAD_LIMIT + 1)
    except urllib.error.HTTPError as error:
        raise Failure(f"{url} answers {error.code}. Copy a fresh command from the chat.") from None
    except (urllib.error.URLError, OSError) as error:
        raise Failure(why_unreachable(url, error)) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Failure(
            f"{url} is not what the server promised. Run the command again; if it stays so, tell its operator."
        )
    return content


# --- environments -------------------------------------------------------------------------------------------------


def find_uv(state: Path, server: dict[str, Any]) -> str:
    """uv from PATH, or our own copy, which pip brings: the version and the hashes that the server names."""
    found = shutil.which("uv")
    if found:
        return found
    name = "requirements-uv.txt"
    private = state / ("uv-" + server["sha256"][name][:16])
    program = private / "bin" / "uv"
    if not program.exists():
        say("Getting uv, which makes the environments ...")
        private.mkdir(exist_ok=True)
        requirements = private / name
        requirements.write_bytes(fetch(f"{server['url']}/node/{name}", server["sha256"][name]))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(private)]
        command += ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
        if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode or not program.exists():
            raise Failure("uv could not be installed with pip. Install uv by hand, then run the command again.")
    return str(program)


def environment_name(kind: str, server: dict[str, Any]) -> str:
    """Named by all that goes into it: the same content is the same folder."""
    sha256 = server["sha256"]
    parts = (server["python"], sha256["requirements-" + kind + ".txt"], sha256[server["wheel"]])
    return kind + "-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Waits until no other join works in the same folder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_environment(kind: str, server: dict[str, Any], state: Path) -> Path:
    """A complete environment, made now or found; returns its folder."""
    base = environments_folder()
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = base / environment_name(kind, server)
    with only_one(base / (folder.name + ".lock")):
        if (folder / "complete").exists() and (folder / "bin" / "python").exists():
            say(f"The {kind}'s environment is there already: {folder}")
            return folder
        free = shutil.disk_usage(base).free
        if kind == NODE and free < NODE_SIZE:
            raise Failure(
                f"{base} has {free / 1e9:.1f} GB free, the node needs 2 GB. Make room, or set HAYRIDE_ENVIRONMENTS."
            )
        say(f"Making the {kind}'s environment in {folder} ...")
        install(kind, server, find_uv(state, server), folder)
        (folder / "complete").write_text(server["wheel"] + "\n")  # last: a half-made one is made again
    return folder


def install(kind: str, server: dict[str, Any], uv: str, folder: Path) -> None:
    requirements = folder.with_name(folder.name + ".txt")
    name = "requirements-" + kind + ".txt"
    requirements.write_bytes(fetch(f"{server['url']}/node/{name}", server["sha256"][name]))
    wheel = folder.with_name(folder.name + "-wheel") / server["wheel"]
    wheel.parent.mkdir(exist_ok=True)
    wheel.write_bytes(fetch(f"{server['url']}/node/wheel/{server['wheel']}", server["sha256"][server["wheel"]]))
    python = str(folder / "bin" / "python")
    run_uv([uv, "venv", "--quiet", "--clear", "--no-project", "--python", server["python"], str(folder)], folder.parent)
    pip = [uv, "pip", "install", "--quiet", "--python", python]
    run_uv([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)], folder.parent)
    run_uv([*pip, "--no-deps", "--no-index", str(wheel)], folder.parent)
    requirements.unlink()
    shutil.rmtree(wheel.parent)


def run_uv(command: list[str], cwd: Path) -> None:
    surroundings = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=str(cwd), env=surroundings, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Failure(
            f"`uv {' '.join(command[1:3])}` failed; its own words are above. "
            "Check the network (HTTPS_PROXY is honoured) and the free space, then run the command again."
        )


# --- the join -----------------------------------------------------------------------------------------------------


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="worker", description="Joins this machine to your Hayride pool.", allow_abbrev=False
    )
    parser.add_argument("--token", default="", help="the single-use token of the pasted command")
    parser.add_argument("--name", default="", help="what the chat calls this machine; its host name otherwise")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="PATH", help="a folder to show, read-only; repeatable"
    )
    parser.add_argument(
        "--autostart", choices=["on", "off"], default="off", help="start with the system; not in this version"
    )
    parser.add_argument("--insecure", action="store_true", help="accept plain HTTP to another machine")
    parser.add_argument("--as-root", action="store_true", help="accept to run as root")
    parser.add_argument("--environments-only", action="store_true", help="make the environments, join nothing")
    options = parser.parse_args(arguments)
    if options.autostart == "on":
        raise Failure(
            "This version has no --autostart on. Leave it out; start again with `hayride-node run` after a reboot."
        )
    if not options.token and not options.environments_only:
        raise Failure("The command has no --token. Send /connect in the chat and paste the whole command.")
    return options


def join(arguments: list[str]) -> None:
    options = parse(arguments)
    server = json.loads(SERVER)
    if not server:
        raise Failure(
            "This copy of the script belongs to no server. Send /connect in the chat and paste the whole command."
        )
    check_platform()
    check_user(options.as_root)
    check_url(server["url"], options.insecure)
    state = state_folder()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    say(f"Joining {server['url']}. Everything is kept in {state}")
    agent = make_environment(AGENT, server, state)
    program = str(agent / "bin" / "hayride-node")
    flags = ["--insecure"] * options.insecure + ["--as-root"] * options.as_root
    if not options.environments_only:
        wishes = ["--name", options.name] if options.name else []
        for path in options.allow:
            wishes += ["--allow", os.path.abspath(os.path.expanduser(path))]
        # The token dies in minutes, so it is used up before the large download; a pipe carries it, no argument.
        command = [program, "redeem", "--url", server["url"], *wishes, *flags]
        if subprocess.run(command, input=options.token.encode(), check=False).returncode:
            sys.exit(1)  # it has said why
    node = make_environment(NODE, server, state)
    if options.environments_only:
        return
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.execv(program, [program, "run", "--node-python", str(node / "bin" / "python"), *flags])


def main() -> None:
    try:
        join(sys.argv[1:])
    except Failure as failure:
        sys.exit(f"hayride: {failure}")
    except KeyboardInterrupt:
        sys.exit("hayride: stopped; run the command again to go on.")


if __name__ == "__main__":
    main()
