"""Test hosts: machines with their own network, processes and mounts, made by an ordinary user, gone with the test.

    with Site(tmp_path) as site:
        server, laptop = site.server, site.machine("laptop")
        up = server.run([sys.executable, "-m", "head.cli", "up", ...], env={...}, stdout=PIPE)
        node = laptop.run([python, script, "--token", token, "--as-root"], env={...})     # root inside: say --as-root
        laptop.address, SERVER                        # every machine reaches the server by SERVER
        laptop.freeze(); laptop.thaw()                # every process of it, boxes included: sleep, or a dead machine
        laptop.unplug(); laptop.plug()                # its cable: packets are lost, no connection is closed
        laptop.listening()                            # [(address, port)] of /proc/net/tcp and tcp6, seen in its network
        laptop.crash()                                # all of its processes, SIGKILL; the host itself lives on
        cabin = site.machine("cabin", behind_nat=True)  # in a network of its own, behind a router that masquerades
        cabin.router.flows()                          # what the router tracks: every flow between cabin and server

How: `unshare -Urmnpf --mount-proc` makes one outer namespace, the *site*, in which we are root without being it. Each
host is nested in it with `unshare -mnpf --mount-proc`; the server never sees a machine's processes, nor the other way
round. Each machine has one veth to the server and no other network: 10.77.N.1 is the server's end, 10.77.N.2 the
machine's, where nothing listens; a machine's one route leads to SERVER and nothing is forwarded, so neither the server
nor another machine reaches what is behind it. A machine behind NAT is 192.168.N.2, and its router, a host too, has the
veth to the server as 10.77.N.2: the server sees that address only and has no route to 192.168.N.0. The router delays
and loses packets where the kernel has netem.
Mounts are private copies: /tmp and the tests' folders are shared with this process, so files pass as they are.

`run` gives a `subprocess.Popen` whose signals reach the program itself (nsenter, which carries it, passes none on), and
whose `host_pid` is its pid as this process sees it.

Cleaning up needs nobody: the site's process 1 ends when its standard input closes, thus also when pytest is killed with
-9, and the kernel kills all that lives in its process namespace. Needs unshare and nsenter (util-linux) and pyroute2.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.flows import Flow, tracked

#: The server's address, the same for all machines.
SERVER = "10.77.0.1"
_SITE = ["unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
_HOST = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
#: Process 1 of a namespace: buries orphans, says that it is there, ends with its standard input.
_INIT = """
import os, select, signal, sys
signal.signal(signal.SIGCHLD, lambda *_: None)
wake, note = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(note)
print("ready", flush=True)
while True:
    readable = select.select([0, wake], [], [])[0]
    if wake in readable:
        os.read(wake, 4096)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
    if 0 in readable and not os.read(0, 4096):
        sys.exit()
"""
#: Sends a socket through the descriptor: it stays in the network in which it was made.
_LISTEN = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.send_fds(socket.socket(fileno={}), [b" "], [listener.fileno()])
"""
_PATIENCE = 20.0  # seconds
#: Of netem, each way.
_DELAY, _LOSS = 50, 1  # milliseconds, percent


class HostProcess(subprocess.Popen[bytes]):
    """A program in a host. Its signals reach the program, not the nsenter that carries it."""

    @property
    def host_pid(self) -> int:
        """The program's pid as this process sees it. Raises ProcessLookupError when it has ended."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self.poll() is None:
            if found := _children(self.pid):
                return found[0]
            time.sleep(0.005)  # nsenter is about to fork
        raise ProcessLookupError(f"{self.args!r} has ended")

    def send_signal(self, sig: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.host_pid, sig)


class TestHost:
    """One host of a site. Made by `Site`, gone with it."""

    __test__ = False  # no test for pytest to collect

    def __init__(self, name: str, init: subprocess.Popen[bytes], pid: int, *, address: str = "") -> None:
        self.name = name
        self.address = address  #: of its end of the veth; the server has one for each machine
        self.pid = pid  #: of its process 1, as this process sees it
        self._init = init
        self.router: TestHost | None = None  #: where it is behind NAT
        self.slows = False  #: a router's: it delays and loses packets, for the kernel has netem
        self._cable: tuple[TestHost, str] | None = None  #: the other end
        self._runs: list[HostProcess] = []

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        **options: Any,
    ) -> HostProcess:
        """Starts a program. `env` is its whole environment (this process's where None); `options` go to Popen."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = HostProcess([*self._enter("--pid"), "--", *argv], env=env, cwd=cwd, start_new_session=True, **options)
        self._runs.append(process)
        return process

    def check_output(self, argv: Sequence[str | os.PathLike[str]], *, timeout: float = 60.0, **options: Any) -> str:
        """Runs a program to its end and returns what it printed. Raises CalledProcessError."""
        process = self.run(argv, stdout=subprocess.PIPE, **options)
        try:
            output = process.communicate(timeout=timeout)[0].decode()
        finally:
            process.kill()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, list(map(str, argv)), output)
        return output

    def listen(self) -> socket.socket:
        """A socket that listens on a free port of its loopback, for this process to accept from."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            code = _LISTEN.format(theirs.fileno())
            argv = [*self._enter(), "--", sys.executable, "-S", "-E", "-c", code]
            subprocess.run(argv, check=True, pass_fds=[theirs.fileno()])
            _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=listener)

    def listening(self) -> list[tuple[str, int]]:
        """(address in hexadecimal as the kernel writes it, port) of every TCP socket that listens in its network."""
        return self._sockets(("tcp", "tcp6"), state="0A")

    def connections(self) -> list[tuple[str, int]]:
        """The same of every established TCP connection, by its far end."""
        return self._sockets(("tcp", "tcp6"), state="01", far=True)

    def datagrams(self) -> list[tuple[str, int]]:
        """The same of every UDP socket."""
        return self._sockets(("udp", "udp6"))

    def flows(self) -> list[Flow]:
        """A router's: everything that passed lately."""
        return tracked(Path(f"/proc/{self.pid}/net/nf_conntrack").read_text())

    def _sockets(self, tables: Sequence[str], *, state: str = "", far: bool = False) -> list[tuple[str, int]]:
        found = []
        for table in tables:
            for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, remote, has, *_ = line.split()
                if has == state or not state:
                    address, port = (remote if far else local).rsplit(":", 1)
                    found.append((address, int(port, 16)))
        return found

    def processes(self) -> list[int]:
        """Pids, as this process sees them, of all that runs in the host and in boxes nested in it; not process 1."""
        return [
            pid for pid in _descendants([self.pid, *(run.pid for run in self._runs)]) if _in_namespace_of(pid, self.pid)
        ]

    def freeze(self) -> None:
        """Stops every process of the host, until no new one appears."""
        stopped: set[int] = set()
        while fresh := [pid for pid in self.processes() if pid not in stopped]:
            for pid in fresh:
                _signal(pid, signal.SIGSTOP)
            stopped.update(fresh)

    def thaw(self) -> None:
        # An nsenter stops itself when its program is stopped.
        for pid in [*self.processes(), *(run.pid for run in self._runs if run.poll() is None)]:
            _signal(pid, signal.SIGCONT)

    def crash(self) -> None:
        """Kills every process of the host, as when its power is cut; it can run programs again at once."""
        while alive := [pid for pid in self.processes() if _alive(pid)]:
            for pid in alive:
                _signal(pid, signal.SIGKILL)

    def narrow_loopback(self) -> None:
        """Leaves it with 127.0.0.1 alone, as macOS has it."""
        self._net("narrow", "lo")

    def unplug(self) -> None:
        """Takes the host's cable out: nothing passes and nothing is told."""
        self._set_cable("down")

    def plug(self) -> None:
        self._set_cable("up")

    def _set_cable(self, state: str) -> None:
        """At the server's end: the machine's end keeps its route, which goes with a device that is down."""
        assert self._cable is not None, f"{self.name} has no cable"
        host, device = self._cable
        host._net("set", device, state)

    def close(self) -> None:
        """Ends the host with all that runs in it."""
        _signal(self.pid, signal.SIGKILL)
        self.thaw()
        for run in self._runs:
            run.wait(_PATIENCE)
            for stream in (run.stdin, run.stdout, run.stderr):
                if stream:
                    stream.close()
        assert self._init.stdin is not None
        self._init.stdin.close()
        self._init.wait(_PATIENCE)
        if self._init.stdout:
            self._init.stdout.close()

    def _enter(self, *more: str) -> list[str]:
        spaces = ["--user", "--mount", "--net", *more]
        return ["nsenter", "--target", str(self.pid), "--preserve-credentials", *spaces, f"--wd={Path.cwd()}"]

    def _net(self, *command: str) -> str:
        """Changes the host's network; see tests/support/net.py. What it said."""
        argv = [*self._enter(), "--", sys.executable, str(Path(__file__).with_name("net.py")), *command]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Site:
    """A server and its machines, in a world of their own. A context manager."""

    def __init__(self) -> None:
        self._outer: subprocess.Popen[bytes] | None = None
        self._machines: dict[str, TestHost] = {}
        self._server: TestHost | None = None

    def __enter__(self) -> Self:
        self._outer, pid = _start([*_SITE])
        self._site = TestHost("site", self._outer, pid)
        try:
            self._server = self._host("server")
            self._server._net("address", "lo", SERVER)
        except BaseException:
            self._site.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for machine in self._machines.values():
            machine.close()
            if machine.router:
                machine.router.close()
        self.server.close()
        self._site.close()

    @property
    def server(self) -> TestHost:
        assert self._server is not None
        return self._server

    def machine(self, name: str, *, behind_nat: bool = False) -> TestHost:
        """A new machine, wired to the server; or to a router of its own, which is."""
        number = len(self._machines) + 1
        machine = self._host(name)
        self._machines[name] = machine
        if behind_nat:
            machine.router = router = self._host(f"{name}'s router")
            self._wire(self.server, f"m{number}", f"10.77.{number}", router)
            self._wire(router, "lan", f"192.168.{number}", machine)
            router._net("masquerade", "eth0")
            said = [router._net("netem", device, str(_DELAY), str(_LOSS)) for device in ("eth0", "lan")]
            router.slows = said == ["yes", "yes"]
        else:
            self._wire(self.server, f"m{number}", f"10.77.{number}", machine)
        return machine

    @staticmethod
    def _wire(near: TestHost, device: str, network: str, far: TestHost) -> None:
        """A veth: `device` at the near end, .1 of the network; eth0 at the far end, .2, with its one route."""
        near._net("wire", device, f"{network}.1", str(far.pid))
        far.address = f"{network}.2"
        far._net("address", "eth0", far.address)
        far._net("route", "eth0", SERVER, f"{network}.1")
        far._cable = (near, device)

    def _host(self, name: str) -> TestHost:
        init, pid = _start([*self._site._enter("--pid"), "--", *_HOST])
        host = TestHost(name, init, pid)
        host._net("set", "lo", "up")
        return host


def _start(unshare: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    """Process 1 of new namespaces; and its pid as this process sees it. Raises RuntimeError with unshare's words."""
    init = subprocess.Popen(
        [*unshare, sys.executable, "-S", "-E", "-c", _INIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert init.stdout is not None
    assert init.stderr is not None
    with init.stderr:
        if not select.select([init.stdout], [], [], _PATIENCE)[0] or init.stdout.readline() != b"ready\n":
            init.kill()
            init.wait()
            raise RuntimeError(f"no test host can be made here: {init.stderr.read().decode().strip()}")
    pid = init.pid
    while children := _children(pid):
        pid = children[0]
    return init, pid


# --- processes, as this process sees them -------------------------------------------------------------------------


def _parents() -> dict[int, int]:
    """pid -> its parent, of all processes."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return found


def _children(pid: int) -> list[int]:
    return sorted(child for child, parent in _parents().items() if parent == pid)


def _descendants(roots: list[int]) -> list[int]:
    parents = _parents()
    inside, grown = set(roots), True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in inside} - inside
        inside |= more
        grown = bool(more)
    return sorted(inside - set(roots))


def _in_namespace_of(pid: int, init: int) -> bool:
    """Whether `pid` is not only carried by one of our nsenters, but lives in the host."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid") and pid != init
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
