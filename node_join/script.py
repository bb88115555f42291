"""Joins this machine to a Hayride server. You got it by `curl -fsSL SERVER/worker | python3 - --token=...`.

What it does, and nothing else:
 1. makes two private Python environments below ~/.local/share/hayride-node (or $HAYRIDE_NODE_DIR), all downloads
    checked by hash: a small one for the node agent, and one with Ray and the learning libraries for the sealed box
    (with your own uv if it is recent; if not, pip brings one for this alone, checked in the same way);
 2. makes a key of this machine's own and exchanges the token of the pasted command for a place in your pool;
 3. links the command hayride-node into ~/.local/bin, where there is such a folder, and removes environments of
    earlier versions of its own;
 4. starts the node agent, which keeps one outbound connection to the server (with --autostart on: as a service).
    Nothing here listens for others, but where no sealed box can be made (macOS); then it says what does;
 5. on macOS alone (experimental): has sudo install a launch daemon that gives the loopback two more addresses. sudo
    asks for your password.

It asks nothing else, needs no root else, can be run again at any time, and does nothing at all when it was cut off
while loading.
Standard library only, any Python from 3.9 on. Every failure is one line with its remedy, and exit status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import email.utils
import errno
import hashlib
import http.client
import importlib.util
import ipaddress
import json
import os
import platform
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

SERVER = "{}"  # the server writes its own line here

AGENT = "agent"
NODE = "node"
NEURAL = "neural"  # the node's with TensorFlow
DOWNLOAD_LIMIT = 16 * 1024 * 1024
LEAST_PYTHON = (3, 9)
#: `uv venv --clear` came with it, and without that option later ones ask before they make a folder again.
LEAST_UV = (0, 8)
#: What the wheels of the node's environment are built for.
LEAST_GLIBC = (2, 28)
LEAST_MACOS = (13, 0)
#: Where those that LightGBM and XGBoost have for macOS look for it.
OPENMP = Path("/opt/homebrew/opt/libomp/lib/libomp.dylib")
CLOCK_TOLERANCE = 300.0  # seconds
LOOK_EVERY = 0.5  # seconds, at a program that installs
TELL_EVERY = 5.0  # seconds, where no progress bar can be seen
#: Less free than this, seen while something failed, and the disk was full.
FULL = 20_000_000


class Failure(Exception):
    """Ends the script with one line: what went wrong and what to do about it."""


def say(text: str) -> None:
    """One line at the prompt. Where nobody reads any more (`| head`), the join goes on in silence."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


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
    """Raises Failure where Ray and the learning libraries have no builds for this system."""
    if hasattr(sys, "getandroidapilevel") or "TERMUX_VERSION" in os.environ:
        raise Failure("Android (Termux) is not supported. Use a Linux machine.")
    if sys.platform == "darwin":
        check_macos()
        return
    if sys.platform != "linux":
        raise Failure(f"{platform.system()} is not supported by this version. Use Linux, or WSL2 on Windows.")
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Failure(f"Ray has no build for {platform.machine()}. Use an x86-64 or arm64 machine.")
    if sys.maxsize < 2**32:
        raise Failure("This Python is a 32-bit one. Run the command with a 64-bit python3.")
    check_glibc()


def check_macos() -> None:
    if platform.machine() != "arm64":
        raise Failure("Ray has no build for Intel's processors on macOS. Use a Mac with Apple's, and an arm64 python3.")
    version = platform.mac_ver()[0]
    if numbers(version) < LEAST_MACOS:
        raise Failure(f"This is macOS {version}; the libraries need {LEAST_MACOS[0]}. Update it.")


def check_openmp() -> None:
    """Raises Failure where two of the learning libraries would not load: their builds for macOS bring no OpenMP."""
    if sys.platform == "darwin" and not OPENMP.exists():
        raise Failure("LightGBM and XGBoost need OpenMP: `brew install libomp`, then run the command again.")


def check_glibc() -> None:
    try:
        told = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        told = ""
    version = numbers(told)
    if not version:
        raise Failure("This system's C library is not glibc (Alpine's musl?), and Ray needs glibc. Use another system.")
    if version < LEAST_GLIBC:
        least = ".".join(map(str, LEAST_GLIBC))
        raise Failure(f"This system has {told}; the libraries need {least}. Use a newer system (Debian 10 or later).")


def numbers(text: str) -> tuple[int, ...]:
    """The first version in a text: "uv 0.8.1" gives (0, 8, 1)."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def unsealed_notice() -> str:
    """What keeps ordinary programs from making namespaces here, and how to mend it; empty where nothing does."""
    if sys.platform == "darwin":
        return "Notice: macOS has no namespaces, so this machine joins unsealed: its jobs run without a box."
    if setting("user/max_user_namespaces") == 0:
        what, remedy = "user.max_user_namespaces is 0", "user.max_user_namespaces=15000"
    elif os.geteuid() == 0:
        return ""
    elif setting("kernel/unprivileged_userns_clone") == 0:
        what, remedy = "kernel.unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone=1"
    elif setting("kernel/apparmor_restrict_unprivileged_userns") == 1 and not shutil.which("bwrap"):
        what, remedy = "AppArmor forbids them", "kernel.apparmor_restrict_unprivileged_userns=0"
    else:
        return ""
    return (
        f"Notice: no user namespaces here ({what}), so this machine joins unsealed: its jobs run without a box. "
        f"To have one: `sudo sysctl -w {remedy}`, then run the command again."
    )


def setting(name: str) -> int | None:
    try:
        return int(Path("/proc/sys", name).read_text())
    except (OSError, ValueError):
        return None


def state_folder() -> Path:
    chosen = os.environ.get("HAYRIDE_NODE_DIR")
    return Path(chosen).absolute() if chosen else Path.home() / ".local" / "share" / "hayride-node"


def environments_folder() -> Path:
    chosen = os.environ.get("HAYRIDE_ENVIRONMENTS")
    return Path(chosen).absolute() if chosen else state_folder() / "environments"


def make_folder(folder: Path, variable: str) -> None:
    """Raises Failure where nothing can be written; `variable` is what chooses another folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / ".writable").open("w"):
            pass
        (folder / ".writable").unlink()
    except OSError as error:
        raise Failure(
            f"{folder} cannot be written: {error.strerror}. Set {variable} to a folder of yours with enough room."
        ) from None


def check_exec(folder: Path, variable: str) -> None:
    if sys.platform == "linux" and os.statvfs(str(folder)).f_flag & os.ST_NOEXEC:
        raise Failure(f"{folder} is mounted noexec: no program starts from it. Set {variable} to a folder elsewhere.")


def why_disk(error: OSError) -> str:
    """One line for what a disk refused."""
    what = error.filename or "A file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what} cannot be written: the disk is full. Make room, then run the command again."
    return f"{what}: {error.strerror or error}. Put that right, then run the command again."


# --- downloads ----------------------------------------------------------------------------------------------------


def why_unreachable(url: str, error: BaseException) -> str:
    """One line for a failed connection."""
    # An SSLError has a `reason` too, a word of OpenSSL's own.
    reason = error if isinstance(error, ssl.SSLError) else getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return why_not_verified(url, reason)
    proxy = proxy_of(url)
    if proxy:
        return (
            f"The proxy {proxy} does not let this machine through to {url}: {reason}. "
            "Correct HTTPS_PROXY (user:password@ where it asks for them), or name the server in NO_PROXY."
        )
    if isinstance(reason, ssl.SSLError):
        return f"No TLS connection to {url}: {reason}. Check the address and any proxy in between."
    if isinstance(reason, socket.gaierror):
        return f"The name in {url} is not known here. Check the address and this machine's network."
    return f"{url} does not answer: {reason}. Check the network, and HTTPS_PROXY if you need a proxy."


def why_not_verified(url: str, error: ssl.SSLCertVerificationError) -> str:
    told = error.verify_message or "it cannot be verified"
    line = f"The TLS certificate of {url} is not accepted: {told}. "
    # OpenSSL's "not yet valid" and "has expired"
    date = unverified_date(url) if error.verify_code in (9, 10) else ""
    if not date:
        return line + "Check this machine's clock; for a private authority set SSL_CERT_FILE."
    return line + (
        clock_warning(date)
        or "This machine's clock agrees with the server's: tell its operator to renew the certificate."
    )


def unverified_date(url: str) -> str:
    """The server's Date over a connection that is not verified. Nothing is sent on it, nothing else of it is used."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    parts = urllib.parse.urlsplit(url)
    try:
        with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/healthz", timeout=10, context=context) as answer:
            return str(answer.headers.get("Date", ""))
    except (OSError, http.client.HTTPException):
        return ""


def clock_warning(date: str) -> str:
    """A sentence where this machine's clock and a Date header are minutes apart."""
    try:
        off = time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return ""
    if abs(off) <= CLOCK_TOLERANCE:
        return ""
    direction = "ahead of" if off > 0 else "behind"
    return f"This machine's clock is {abs(off) / 60:,.0f} minutes {direction} the server's. " + (
        "Set it in System Settings." if sys.platform == "darwin" else "Set it: `sudo timedatectl set-ntp true`."
    )


def proxy_of(url: str) -> str:
    """host:port of the proxy on the way to `url`; never the user and password that its setting may hold."""
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    return urllib.parse.urlsplit(proxy if "//" in proxy else "//" + proxy).netloc.rpartition("@")[2]


def check_server(url: str) -> None:
    """Raises Failure where the server does not answer; warns where its clock is another."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
            off = clock_warning(answer.headers.get("Date", ""))
    except urllib.error.HTTPError as error:
        raise Failure(why_refused(url, error.code)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Failure(why_unreachable(url, error)) from None
    if off:
        say(f"Warning: {off}")


def why_refused(url: str, code: int) -> str:
    if code == 407:
        return why_unreachable(url, OSError("407, it wants to know who asks"))
    if code >= 500:
        return f"{url} answers {code}: the server is down or restarting. Run the command again in a minute."
    return f"{url} answers {code}. Copy a fresh command from the chat."


def fetch(url: str, sha256: str) -> bytes:
    """The bytes behind `url`, if they are the ones that the server promised."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content: bytes = answer.read(DOWNLOAD_LIMIT + 1)
    except urllib.error.HTTPError as error:
        raise Failure(why_refused(url, error.code)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Failure(why_unreachable(url, error)) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Failure(
            f"{url} is not what the server promised. Run the command again; if it stays so, tell its operator."
        )
    return content


# --- programs that install ----------------------------------------------------------------------------------------


class Watch:
    """Looks at an installing program: says now and then how much it has written, remembers the least free space."""

    def __init__(self, what: str, total: int, folders: list[Path]) -> None:
        self.what = what
        self.total = total  #: bytes; 0: not known
        self.folders = folders  #: it writes there
        self.least = {folder: shutil.disk_usage(folder).free for folder in folders}
        self.begun = self.least[folders[0]]  #: bytes that were free
        self.told = time.monotonic()

    def look(self, pid: int) -> None:
        for folder in self.folders:
            with contextlib.suppress(OSError):
                self.least[folder] = min(self.least[folder], shutil.disk_usage(folder).free)
        if not on_terminal() and time.monotonic() - self.told >= TELL_EVERY:
            self.told = time.monotonic()
            say(self.line(written(pid) or max(0, self.begun - self.least[self.folders[0]])))

    def line(self, done: int) -> str:
        if self.total > done:
            left = megabytes(self.total - done)
            return f"  {self.what}: {megabytes(done)} of about {megabytes(self.total)}, {left} to go"
        return f"  {self.what}: {megabytes(done)} so far"

    def full(self) -> Path | None:
        """The folder whose disk was full."""
        return next((folder for folder, free in self.least.items() if free < FULL), None)


def written(pid: int) -> int:
    """Bytes that a program has written since it began: wheels are unpacked as they come in. 0 where nobody tells."""
    try:
        found = re.search(r"wchar: (\d+)", Path(f"/proc/{pid}/io").read_text())
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def on_terminal() -> bool:
    """Whether uv's own progress bars can be seen."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def attempt(command: list[str], watch: Watch) -> str | None:
    """Runs a program that installs. None: it is done; otherwise what it said, empty where that is to be seen above."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    surroundings = {k: v for k, v in os.environ.items() if k not in ours}
    surroundings["PIP_USER"] = "0"  # --target and --user exclude each other
    with words_file() as said:
        with subprocess.Popen(
            command,
            cwd=str(watch.folders[0]),
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=None if on_terminal() else said,
            stderr=None if on_terminal() else said,
        ) as process:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_EVERY)
                watch.look(process.pid)
        said.seek(0)
        return said.read().decode(errors="replace") if process.returncode else None


def words_file() -> IO[bytes]:
    """Of memory, where there are such files: a disk may be full."""
    if sys.platform == "linux" and hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("said"), "w+b")
    return tempfile.TemporaryFile()


#: What uv and pip say -> what it means and what to do.
MEANINGS = (
    (r"os error (28|122)|errno (28|122)|No space left|quota exceeded", "the disk is full. Make room"),
    (
        r"os error (13|30)\b|errno (13|30)\b|Permission denied|Read-only file",
        "a folder cannot be written. See above",
    ),
    (
        r"hash mismatch|packages do not match the hashes",
        "a package is not the promised one. Check any mirror",
    ),
    (
        r"\b407\b|proxy",
        "the proxy does not let it through. Correct HTTPS_PROXY, or name the index's host in NO_PROXY",
    ),
    (
        r"certificate|UnknownIssuer",
        "a TLS certificate is not accepted. Check the clock; for a private authority set SSL_CERT_FILE",
    ),
    (
        r"no wheels|No solution|No matching distribution|no version of",
        "a package has no build for this machine there. Check any mirror you use",
    ),
    (
        r"dns error|lookup address|error sending request|connection|timed out|network|failed to (fetch|download)",
        "the package index cannot be reached. Check the network; HTTPS_PROXY and uv's index settings are honoured",
    ),
)


def why_failed(what: str, words: str, watch: Watch) -> str:
    """One line for a program that did not install; shows the end of its own words where they were not to be seen."""
    told = words.strip()
    if told:
        say("\n".join("  | " + line for line in told.splitlines()[-12:]))
    full = watch.full()
    if full:
        free = megabytes(watch.least[full])
        return f"{what} failed: the disk of {full} is full ({free} free). Make room, then run the command again."
    meaning = next((text for pattern, text in MEANINGS if re.search(pattern, told, re.IGNORECASE)), "")
    if not meaning:
        meaning = "its own words are above. Check the network (HTTPS_PROXY is honoured) and the free space"
    return f"{what} failed: {meaning}, then run the command again."


# --- environments -------------------------------------------------------------------------------------------------


def find_uv(state: Path, server: dict[str, Any]) -> str:
    """uv from PATH, or our own copy, which pip brings: the version and the hashes that the server names."""
    found = shutil.which("uv")
    if found and uv_version(found) >= LEAST_UV:
        return found
    name = "requirements-uv.txt"
    private = state / ("uv-" + server["sha256"][name][:16])
    for program in (private / "bin" / "uv", private / "venv" / "bin" / "uv"):
        if program.exists():
            return str(program)
    size = told_size(server, "uv", "download")
    say("Getting uv, which makes the environments" + (f": {megabytes(size)} to download ..." if size else " ..."))
    make_folder(private, "HAYRIDE_NODE_DIR")
    check_exec(private, "HAYRIDE_NODE_DIR")
    requirements = private / name
    requirements.write_bytes(fetch(f"{server['url']}/node/{name}", server["sha256"][name]))
    return str(install_uv(private, requirements, size))


def uv_version(program: str) -> tuple[int, ...]:
    """() where it does not run (pyenv leaves such)."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    return numbers(done.stdout) if done.returncode == 0 else ()


def has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def install_uv(private: Path, requirements: Path, size: int) -> Path:
    """By this Python's pip, or by one in a private virtual environment, where it has none (Debian's python3)."""
    options = ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    if has_pip():
        program = private / "bin" / "uv"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(private)]
    else:
        program = private / "venv" / "bin" / "uv"
        making = [sys.executable, "-m", "venv", "--clear", str(private / "venv")]
        if attempt(making, Watch("getting pip", 0, [private])) is not None:
            raise Failure(
                "This Python has neither pip nor a whole venv. Install one (`sudo apt install python3-venv`, "
                "`sudo dnf install python3-pip`) or uv, then run the command again."
            )
        command = [str(private / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    watch = Watch("getting uv", size, [private])
    words = attempt([*command, *options], watch)
    if words is not None or not program.exists():
        raise Failure(why_failed("Getting uv with pip", words or "", watch))
    return program


def environment_name(kind: str, server: dict[str, Any]) -> str:
    """Named by all that goes into it: the same content is the same folder."""
    sha256 = server["sha256"]
    parts = (server["python"], sha256["requirements-" + kind + ".txt"], sha256[server["wheel"]])
    return kind + "-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def node_kind(neural: bool) -> str:
    return NEURAL if neural else NODE


def told_size(server: dict[str, Any], kind: str, what: str) -> int:
    """Bytes that the server told: what is to download, or what takes room when installed. 0: an older server."""
    return int(server.get("environments", {}).get(kind, {}).get(what, 0))


@contextlib.contextmanager
def only_one(path: Path, wait: bool = True) -> Iterator[None]:
    """Waits until no other join works in the same folder; `wait=False`: raises BlockingIOError."""
    import fcntl  # not on Windows, where check_platform has its line to say

    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            say("Another join is at work in the same folder; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_environment(kind: str, server: dict[str, Any], state: Path) -> Path:
    """A complete environment, made now or found; returns its folder. Raises Failure with one line."""
    base = environments_folder()
    make_folder(base, "HAYRIDE_ENVIRONMENTS")
    folder = base / environment_name(kind, server)
    try:
        with only_one(base / (folder.name + ".lock")):
            if (folder / "complete").exists() and (folder / "bin" / "python").exists():
                say(f"The {kind}'s environment is there already: {folder}")
                return folder
            check_exec(base, "HAYRIDE_ENVIRONMENTS")
            check_space(kind, server, base)
            uv = find_uv(state, server)
            say(f"Making the {kind}'s environment in {folder} ({sizes_line(kind, server)}) ...")
            install(kind, server, uv, folder)
            (folder / "complete").write_text(server["wheel"] + "\n")  # last: a half-made one is made again
    except OSError as error:
        raise Failure(why_disk(error)) from None
    return folder


def sizes_line(kind: str, server: dict[str, Any]) -> str:
    download, installed = (told_size(server, kind, what) for what in ("download", "installed"))
    if not download:
        return "its size is not known"
    return f"about {megabytes(download)} to download, {megabytes(installed)} on disk; less where uv has it already"


def check_space(kind: str, server: dict[str, Any], base: Path) -> None:
    """Raises Failure with numbers where an environment has no room, nor uv's cache on another disk."""
    needed = int(1.1 * told_size(server, kind, "installed"))
    for place, variable in ((base, "HAYRIDE_ENVIRONMENTS"), (cache_folder(), "UV_CACHE_DIR")):
        free = shutil.disk_usage(place).free
        if free < needed:
            raise Failure(
                f"{place} has {megabytes(free)} free, the {kind}'s environment needs {megabytes(needed)}. "
                f"Make room, or set {variable} to a folder on another disk."
            )


def cache_folder() -> Path:
    """Where uv keeps what it has downloaded, or the nearest folder above that is there."""
    chosen = os.environ.get("UV_CACHE_DIR")
    shared = os.environ.get("XDG_CACHE_HOME")
    cache = Path(chosen) if chosen else (Path(shared) if shared else Path.home() / ".cache") / "uv"
    return next(folder for folder in (cache.absolute(), *cache.absolute().parents) if folder.exists())


def install(kind: str, server: dict[str, Any], uv: str, folder: Path) -> None:
    requirements = folder.with_name(folder.name + ".txt")
    name = "requirements-" + kind + ".txt"
    requirements.write_bytes(fetch(f"{server['url']}/node/{name}", server["sha256"][name]))
    wheel = folder.with_name(folder.name + "-wheel") / server["wheel"]
    wheel.parent.mkdir(exist_ok=True)
    wheel.write_bytes(fetch(f"{server['url']}/node/wheel/{server['wheel']}", server["sha256"][server["wheel"]]))
    quiet = [] if on_terminal() else ["--quiet"]
    new_environment(uv, server["python"], folder, quiet)
    # Compiled now, since a box sees the environment read-only: each of its processes would compile all that it imports.
    pip = [uv, "pip", "install", *quiet, "--compile-bytecode", "--python", str(folder / "bin" / "python")]
    size = told_size(server, kind, "installed")
    folders = [folder.parent, cache_folder()]
    packages = [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    for command, what, total in (
        (packages, "installing", size),
        ([*pip, "--no-deps", "--no-index", str(wheel)], "installing Hayride", 0),
    ):
        watch = Watch(what, total, folders)
        words = attempt(command, watch)
        if words is not None:
            raise Failure(why_failed("`uv pip install`", words, watch))
    requirements.unlink()
    shutil.rmtree(wheel.parent)


def new_environment(uv: str, python: str, folder: Path, quiet: list[str]) -> None:
    """With the Python that uv finds or fetches (UV_PYTHON_INSTALL_MIRROR is honoured), or else with this machine's."""
    watch = Watch("getting Python " + python, 0, [folder.parent])
    command = [uv, "venv", *quiet, "--clear", "--no-project", "--python", python]
    words = attempt([*command, str(folder)], watch)
    if words is None:
        return
    if attempt([*command, "--python-preference", "only-system", "--no-python-downloads", str(folder)], watch) is None:
        say(f"No Python {python} could be fetched; this machine's own is used.")
        return
    if watch.full() or re.search(MEANINGS[0][0] + "|" + MEANINGS[1][0], words, re.IGNORECASE):
        raise Failure(why_failed("`uv venv`", words, watch))
    if words.strip():
        say("\n".join("  | " + line for line in words.strip().splitlines()[-12:]))
    raise Failure(
        f"There is no Python {python} here and none can be fetched. Install it (`sudo apt install python{python}`), "
        "or set UV_PYTHON_INSTALL_MIRROR to a mirror that can be reached, then run the command again."
    )


def remove_old(state: Path, keep: tuple[Path, ...]) -> None:
    """Removes environments that earlier versions left. None where others share the folder, or an agent runs in one."""
    if os.environ.get("HAYRIDE_ENVIRONMENTS"):
        return
    kept = {folder.name for folder in keep}
    with contextlib.suppress(BlockingIOError), only_one(state / "lock", wait=False):  # the node agent's own lock
        for folder in sorted(environments_folder().iterdir()):
            if re.fullmatch(f"({AGENT}|{NODE}|{NEURAL})-[0-9a-f]{{16}}", folder.name) and folder.name not in kept:
                remove_environment(folder)


def remove_environment(folder: Path) -> None:
    lock = folder.with_name(folder.name + ".lock")
    with contextlib.suppress(BlockingIOError), only_one(lock, wait=False):
        say(f"Removing {folder.name}, of an earlier version ...")
        (folder / "complete").unlink(missing_ok=True)  # first: a half-removed one is not taken for a whole one
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder.with_name(folder.name + "-wheel"), ignore_errors=True)
        folder.with_name(folder.name + ".txt").unlink(missing_ok=True)
        lock.unlink()


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
        "--autostart", choices=["on", "off"], default="off", help="run as a service that starts with the system"
    )
    parser.add_argument("--neural", action="store_true", help="with TensorFlow, for neural networks")
    parser.add_argument("--insecure", action="store_true", help="accept plain HTTP to another machine")
    parser.add_argument("--as-root", action="store_true", help="accept to run as root")
    parser.add_argument("--environments-only", action="store_true", help="make the environments, join nothing")
    options = parser.parse_args(arguments)
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
    check_openmp()
    check_user(options.as_root)
    check_url(server["url"], options.insecure)
    state = state_folder()
    make_folder(state, "HAYRIDE_NODE_DIR")
    say(f"Joining {server['url']}. Everything is kept in {state}")
    if sys.platform == "darwin":
        say("macOS is experimental: this was never tried on a Mac. Please tell us how it went.")
    check_server(server["url"])
    agent = make_environment(AGENT, server, state)
    if options.environments_only:
        for kind in (NODE, NEURAL) if options.neural else (NODE,):
            make_environment(kind, server, state)
        return
    flags = ["--insecure"] * options.insecure + ["--as-root"] * options.as_root
    program = point_to(state, agent)
    # The token dies in minutes, so it is used up before the large download; a pipe carries it, no argument.
    redeem(program, server["url"], options, flags)
    notice = unsealed_notice()
    if notice:
        say(notice)
    node = make_environment(node_kind(wants_neural(state)), server, state)
    remove_old(state, (agent, node))
    start(program, state, str(node / "bin" / "python"), options.autostart == "on", flags)


def point_to(state: Path, agent: Path) -> str:
    """Makes STATE/current point to the agent's environment, at once; returns the stable path of hayride-node."""
    new = state / "current.new"
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    new.symlink_to(agent)
    os.replace(str(new), str(state / "current"))
    return str(state / "current" / "bin" / "hayride-node")


def redeem(program: str, url: str, options: argparse.Namespace, flags: list[str]) -> None:
    wishes = ["--name", options.name] if options.name else []
    for path in options.allow:
        wishes += ["--allow", os.path.abspath(os.path.expanduser(path))]
    wishes += ["--neural"] * options.neural
    command = [program, "redeem", "--url", url, *wishes, *flags]
    if subprocess.run(command, input=options.token.encode(), check=False).returncode:
        sys.exit(1)  # it has said why


def link_command(program: str) -> str:
    """Links hayride-node into ~/.local/bin where people have that; returns what to type."""
    folder = Path.home() / ".local" / "bin"
    link = folder / "hayride-node"
    on_path = str(folder) in os.environ.get("PATH", "").split(os.pathsep)
    try:
        if on_path:
            folder.mkdir(parents=True, exist_ok=True)
        if folder.is_dir() and (not link.exists() or os.path.samefile(str(link), program)):
            if link.is_symlink():
                link.unlink()  # ours, or of a machine that is gone
            link.symlink_to(program)
    except OSError:  # a convenience: no reason to end
        return program
    found = shutil.which("hayride-node")
    return "hayride-node" if found and os.path.samefile(found, program) else program


def start(program: str, state: Path, python: str, autostart: bool, flags: list[str]) -> None:
    """The node agent, as a service or in place of this script."""
    command = link_command(program)
    if autostart:
        note_node(state, python)
        if subprocess.run([program, "autostart", "on", *flags], check=False, stdin=subprocess.DEVNULL).returncode == 0:
            say(f"From now on the system starts the node agent. How it gets on: `{command} status`")
            return
        say("It is started in the foreground instead; close this window and it ends.")
    say(f"Starting the node agent. How it gets on: `{command} status`")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.execv(program, [program, "run", "--node-python", python, *flags])


def wants_neural(state: Path) -> bool:
    """As the owner chose, now or before."""
    return bool(json.loads((state / "machine.json").read_text()).get("neural"))


def note_node(state: Path, python: str) -> None:
    """Writes the node's interpreter into what the join kept: a service has no --node-python."""
    record = state / "machine.json"
    content = {**json.loads(record.read_text()), "node_python": python}
    new = state / "machine.json.new"
    with open(os.open(str(new), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    os.replace(str(new), str(record))


def main() -> None:
    if sys.version_info < LEAST_PYTHON:
        sys.exit("hayride: This Python is too old: 3.9 or later is needed. End the command in `| python3.11 - ...`.")
    try:
        join(sys.argv[1:])
    except Failure as failure:
        sys.exit(f"hayride: {failure}")
    except OSError as error:
        sys.exit(f"hayride: {why_disk(error)}")
    except KeyboardInterrupt:
        sys.exit("hayride: stopped; run the command again to go on.")


if __name__ == "__main__":
    main()
