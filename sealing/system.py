"""What every box shows of the system: programs and libraries, a made-up /etc, a /proc without its knobs."""

from __future__ import annotations

import stat
from pathlib import Path

from sealing.python import SYSTEM

#: Who the box's processes are, inside; outside they are whoever started the box.
USER, UID = "hayride", 1000

#: Public data that libraries look for. A missing one is left out.
_PUBLIC = ("/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")

#: /proc's folders that stay: the rest has knobs of the hardware. sys is shown read-only.
_HARMLESS = frozenset({"sys", "sysvipc", "net"})


def system_options() -> list[str]:
    """bwrap's options for the system's programs, libraries and public data, read-only, at their usual places."""
    options: list[str] = []
    for path in SYSTEM:
        if path.is_symlink():  # /bin of a merged /usr
            options += ["--symlink", str(path.readlink()), str(path)]
        else:
            options += ["--ro-bind-try", str(path), str(path)]
    for public in _PUBLIC:
        options += ["--ro-bind-try", public, public]
    return options


def proc_options(proc: Path = Path("/proc")) -> list[str]:
    """bwrap's options for a new /proc that changes and tells nothing of the host.

    A box of root's has no capability, yet the kernel lets its files of /proc be written by their owner, who is root:
    core_pattern runs a program on the host. bwrap covers only what it finds writable itself, which these do not look.
    """
    options = ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    for entry in sorted(proc.iterdir()):
        if entry.name.isdecimal() or entry.name in _HARMLESS or entry.is_symlink():
            continue
        mode = entry.lstat().st_mode
        target = f"/proc/{entry.name}"
        if stat.S_ISDIR(mode):
            options += ["--perms", "0555", "--size", "4096", "--tmpfs", target, "--remount-ro", target]
        elif mode & stat.S_IWUSR or not mode & stat.S_IROTH:
            options += ["--ro-bind", "/dev/null", target]
    return options


def etc_files(hostname: str, home: str) -> dict[str, bytes]:
    """Path inside -> content of what programs look up about users and names."""
    nobody = "nobody:x:65534:65534:nobody:/:/bin/false\n"
    return {
        "/etc/passwd": f"{USER}:x:{UID}:{UID}:{USER}:{home}:/bin/sh\n{nobody}".encode(),
        "/etc/group": f"{USER}:x:{UID}:\nnogroup:x:65534:\n".encode(),
        "/etc/hosts": f"127.0.0.1 localhost {hostname}\n::1 localhost\n".encode(),
        "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
    }
