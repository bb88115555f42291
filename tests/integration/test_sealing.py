"""Real boxes: what they do not see, cannot do, and leave behind."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

import sealing
from tests.support.boxes import ask, plan, running, until_said

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the box may write."""
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    return tmp_path / "errors"


# --- what it does not see -----------------------------------------------------------------------------------------


def test_no_process_inside_shows_our_environment_or_a_files_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAYRIDE_CANARY", "canary-in-the-environment")
    script = """
import glob, os
found = b"".join(open(p, "rb").read() for p in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"))
answer({"canary": b"canary" in found, "mine": sorted(os.environ), "secret": open("/run/secret").read(),
        "seen": len(found) > 0})
"""
    got = ask(folder, script, files={"/run/secret": b"canary-in-a-file"}, environment={"PATH": "/usr/bin"})
    assert got["seen"]
    assert not got["canary"]
    assert set(got["mine"]) <= {"PATH", "PWD", "LC_CTYPE"}
    assert got["secret"] == "canary-in-a-file"


def test_of_the_host_it_sees_only_programs_and_libraries(folder: Path) -> None:
    paths = [
        str(ROOT),
        str(folder),
        "/home",
        "/sys",
        "/boot",
        "/etc/shadow",
        "/etc/ssh",
        "/usr/local/bin",
        "/opt",
        "/mnt",
    ]
    script = f"""
import os, pwd
answer({{"there": [p for p in {paths!r} if os.path.exists(p)], "root": os.listdir("/"), "etc": os.listdir("/etc"),
        "user": pwd.getpwuid(os.getuid()).pw_name, "host": os.uname().nodename}})
"""
    got = ask(folder, script)
    # Prefixes of Python may lie below the checkout or home, whose other entries must not be there.
    python = {Path(part).parts[1] for part in (os.path.realpath(sys.executable), sys.prefix)}
    usual = {"bin", "box", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "tmp", "usr", "var"}
    assert set(got["root"]) <= usual | python
    assert set(got["there"]) <= {path for path in paths if Path(sys.prefix).is_relative_to(path)}
    known = {"alternatives", "group", "hosts", "ld.so.cache", "localtime", "nsswitch.conf", "passwd"}
    assert set(got["etc"]) <= known
    assert (got["user"], got["host"]) == ("hayride", "test")


def test_no_descriptor_leaks_but_the_sockets_meant_for_it(folder: Path, tmp_path: Path) -> None:
    script = """
import glob, os
answer(sorted({os.readlink(p) for p in glob.glob("/proc/[0-9]*/fd/*") if os.path.islink(p)}))
"""
    with open(tmp_path / "canary", "w") as leaky, sealing.SocketFolder(tmp_path / "run") as run:
        os.set_inheritable(leaky.fileno(), True)
        with run.listen("http") as listening, sealing.only_box(tmp_path / "lock", patience=0) as lock:
            seen = ask(folder, script, lock=lock, sockets={"http": listening})
    kinds = [link.split(":")[0] for link in seen]
    # The one pipe is its standard output and error; process 1 waits on an eventfd and holds the lock.
    lock_link = str(tmp_path / "lock")
    assert set(kinds) <= {"/dev/null", "pipe", "socket", "anon_inode", "/run/script.py", lock_link}, seen
    assert (kinds.count("pipe"), kinds.count("socket")) == (1, 1)


# --- what it cannot do --------------------------------------------------------------------------------------------


def test_it_writes_its_folder_and_its_own_tmpfs_alone(folder: Path) -> None:
    script = """
import os
wrote = []
for at, names, _ in os.walk("/"):
    names[:] = [n for n in names if not (at == "/" and n == "proc")] if at.count("/") < 4 else []
    try:
        with open(at + "/written", "w"):
            wrote.append(at)
    except OSError:
        pass
answer(wrote)
"""
    wrote = set(ask(folder, script))
    # What is shown of a checkout below /tmp hangs in folders that are the box's own /tmp again.
    shown_through = {f"{parent}" for parent in Path(__file__).parents if parent.is_relative_to("/tmp")}
    assert wrote - shown_through == {"/box", "/tmp", "/dev/shm"} - shown_through
    assert os.listdir(folder) == ["written"]


def test_no_file_of_proc_that_changes_the_host_opens_for_writing(folder: Path) -> None:
    script = """
import os
opened = []
for at, names, files in os.walk("/proc"):
    if at == "/proc":
        names[:] = [n for n in names if not n.isdecimal() and n not in ("self", "thread-self")]
    for name in files:
        try:
            os.close(os.open(at + "/" + name, os.O_WRONLY | os.O_NONBLOCK))
            opened.append(at + "/" + name)
        except OSError:
            pass
answer(opened)
"""
    # Root's box, too: the kernel lets root write core_pattern without any capability.
    assert ask(folder, script) == []


def test_no_network_not_even_to_the_hosts_loopback(folder: Path) -> None:
    script = """
import socket, sys
def attempt(family, address):
    try:
        with socket.socket(family) as s:
            s.settimeout(3); s.connect(address)
        return "connected"
    except OSError as error:
        return type(error).__name__
answer([attempt(socket.AF_INET, ("127.0.0.1", PORT)), attempt(socket.AF_INET, ("192.0.2.1", 80)),
        attempt(socket.AF_UNIX, "\\0hayride-test-abstract"), [name for _, name in socket.if_nameindex()]])
"""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0hayride-test-abstract")
        abstract.listen()
        got = ask(folder, script.replace("PORT", str(tcp.getsockname()[1])))
    assert got[:3] == ["ConnectionRefusedError", "OSError", "ConnectionRefusedError"]
    assert got[3] == ["lo"]


def test_system_calls_that_no_job_needs_are_refused(folder: Path) -> None:
    script = """
import ctypes, errno, fcntl, os, platform, pty, socket, struct, termios
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
def call(x86_number, arm_number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(x86_number if x86 else arm_number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if done == -1 else "done"
def typed():
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, 0x5412, b"x")
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
def vsock():
    try:
        socket.socket(40, socket.SOCK_STREAM)
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
answer({"keyctl": call(250, 219, 0, -3, 0), "bpf": call(321, 280, 0, None, 0), "userfaultfd": call(323, 282, 0),
        "perf_event_open": call(298, 241, None, 0, -1, -1, 0), "ptrace": call(101, 117, 0, 0, 0, 0),
        "new user namespace": call(272, 97, 0x10000000), "clone3": call(435, 435, None, 0), "typed": typed(),
        "vsock": vsock(), "io_uring": call(425, 425, 1, None), "nothing new": open("/proc/self/status").read()
        .split("NoNewPrivs:")[1].split()[0] + open("/proc/self/status").read().split("CapBnd:")[1].split()[0]})
"""
    got = ask(folder, script)
    assert got.pop("nothing new") == "1" + "0" * 16
    assert got.pop("clone3") == "ENOSYS"
    assert got.pop("vsock") == "EAFNOSUPPORT"
    assert set(got.values()) == {"EPERM"}, got


# --- what it does get ---------------------------------------------------------------------------------------------


def test_an_allowed_folder_is_read_and_its_sockets_and_pipes_are_not_there(folder: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "data"
    allowed.mkdir()
    (allowed / "table.csv").write_text("a,b")
    (allowed / "shadow").symlink_to("/etc/shadow")
    os.mkfifo(allowed / "pipe")
    script = f"""
import os, socket
def attempt(what):
    try:
        return what()
    except OSError as error:
        return type(error).__name__
base = {str(allowed)!r}
answer([open(base + "/table.csv").read(), attempt(lambda: open(base + "/new", "w") and "opened"),
        attempt(lambda: socket.socket(socket.AF_UNIX).connect(base + "/s") or "connected"),
        attempt(lambda: os.open(base + "/pipe", os.O_RDWR) and "opened"), os.path.exists(base + "/shadow")])
"""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(allowed / "s"))
        agent.listen()
        got = ask(folder, script, read_only=sealing.allowed_binds(allowed))
    assert got[:2] == ["a,b", "OSError"]
    assert got[2] in ("ConnectionRefusedError", "PermissionError")
    assert got[3:] == ["PermissionError", False]


def test_an_inherited_socket_serves(folder: Path, errors: Path, tmp_path: Path) -> None:
    script = """
import os, sealing
with sealing.inherited("http") as listening:
    print("READY")
    while True:
        connection, _ = listening.accept()
        with connection:
            if asked := connection.recv(100):
                connection.sendall(asked.upper())
"""
    deep = tmp_path / ("d" * 90)
    with sealing.SocketFolder(deep) as run:
        listening = run.listen("http")
        chosen = plan(folder, script, sockets={"http": listening}, read_only=sealing.app_binds(["sealing"]),
                      environment={"PATH": "/usr/bin", "PYTHONPATH": "/app"})  # fmt: skip
        with running(chosen, errors):
            listening.close()
            until_said(errors, "READY")
            with pytest.raises(sealing.SealError, match="already listens"):
                run.listen("http")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(run.address("http"))
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
        # Its box is dead now, so its place is free.
        run.listen("http").close()


def test_a_venv_that_goes_through_a_linked_folder_works(folder: Path, tmp_path: Path) -> None:
    base = Path(sys.base_prefix).resolve()
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / "pythons").mkdir()
    (tmp_path / "pythons" / "newest").symlink_to(base)
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(tmp_path / "pythons/newest/bin" / version)
    (venv / "lib" / version / "site-packages").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(f"home = {tmp_path}/pythons/newest/bin\n")
    python = venv / "bin" / "python"
    got = ask(
        folder,
        "import sys; answer([sys.prefix, sys.executable])",
        python=python,
        command=(str(python), "/run/script.py"),
    )
    assert got == [str(venv), str(python)]
