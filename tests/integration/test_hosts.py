"""The test hosts themselves: what the acceptance tests stand on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hosts import SERVER, HostProcess, Site, TestHost

_SERVE = """
import socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"hello"); connection.close()
"""
_ASK = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])) as connection:
        print(connection.recv(5).decode())
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def serve(host: TestHost, address: str, port: int) -> HostProcess:
    process = host.run([sys.executable, "-c", _SERVE, address, str(port)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def ask(host: TestHost, address: str, port: int, *, patience: float = 2.0) -> str:
    return host.check_output([sys.executable, "-c", _ASK, address, str(port), str(patience)]).strip()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_machine_reaches_the_server_and_the_server_not_the_machine(site: Site) -> None:
    laptop, desk = site.machine("laptop"), site.machine("desk")
    serve(site.server, "0.0.0.0", 8000)
    serve(laptop, "127.77.1.1", 7380)
    assert ask(laptop, SERVER, 8000) == "hello"
    assert ask(desk, SERVER, 8000) == "hello"
    assert ask(site.server, laptop.address, 7380) == "ConnectionRefusedError"
    assert ask(site.server, "127.77.1.1", 7380) == "ConnectionRefusedError"
    assert ask(desk, laptop.address, 7380) == "OSError"  # no route
    assert [port for _, port in site.server.listening()] == [8000]
    assert [port for _, port in laptop.listening()] == [7380]
    assert desk.listening() == []


def test_hosts_do_not_see_each_others_processes(site: Site) -> None:
    laptop = site.machine("laptop")
    laptop.run(["sleep", "1000"])
    until(lambda: len(laptop.processes()) == 1)
    count = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    assert site.server.check_output([sys.executable, "-c", count]) == "2\n"
    assert laptop.check_output([sys.executable, "-c", count]) == "3\n"


def test_freezing_and_the_cable(site: Site) -> None:
    laptop = site.machine("laptop")
    serve(site.server, "0.0.0.0", 8000)
    address = SERVER
    laptop.unplug()
    assert ask(laptop, address, 8000, patience=0.3) in ("TimeoutError", "OSError")
    laptop.plug()
    assert ask(laptop, address, 8000) == "hello"
    site.server.freeze()
    assert ask(laptop, address, 8000, patience=0.3) == "TimeoutError"
    site.server.thaw()
    assert ask(laptop, address, 8000) == "hello"


def test_signals_reach_the_program_and_its_status_comes_back(site: Site) -> None:
    program = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    process = site.server.run([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.terminate()
    assert process.wait(10) == 7


def test_a_crash_takes_all_and_the_host_goes_on(site: Site) -> None:
    laptop = site.machine("laptop")
    child = "import subprocess; subprocess.Popen(['setsid', 'sleep', '1000'], stdout=subprocess.DEVNULL)"
    laptop.check_output([sys.executable, "-c", child])
    until(lambda: len(laptop.processes()) == 1)  # an orphan in a session of its own
    laptop.crash()
    assert laptop.processes() == []
    assert laptop.check_output(["echo", "again"]) == "again\n"


def test_nothing_is_left_when_the_site_closes(tmp_path: Path) -> None:
    with Site() as site:
        laptop = site.machine("laptop")
        serve(laptop, "0.0.0.0", 8000)
        until(lambda: len(laptop.processes()) == 1)
        pids = [*laptop.processes(), laptop.pid, site.server.pid]
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_nothing_is_left_when_the_tests_are_killed(tmp_path: Path) -> None:
    program = (
        "import os, time\nfrom tests.support.hosts import Site\n"
        "with Site() as site:\n    laptop = site.machine('laptop'); laptop.run(['sleep', '1000'])\n"
        "    while not laptop.processes(): time.sleep(0.01)\n"
        "    print(*laptop.processes(), laptop.pid, site.server.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], check=False
    )
    pids = done.stdout.decode().split()
    assert len(pids) == 3
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_a_router_hides_its_machine(site: Site) -> None:
    cabin = site.machine("cabin", behind_nat=True)
    router = cabin.router
    assert router
    serve(site.server, "0.0.0.0", 8000)
    serve(cabin, "0.0.0.0", 7380)
    assert ask(cabin, SERVER, 8000, patience=10) == "hello"
    (flow,) = router.flows()
    assert (flow.source, flow.target, flow.port) == (cabin.address, SERVER, 8000)
    assert flow.seen_as == router.address != cabin.address
    assert ask(site.server, cabin.address, 7380) == "OSError"  # no route
    assert ask(site.server, router.address, 7380) == "ConnectionRefusedError"
