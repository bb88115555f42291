"""What a machine says of itself."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict


class Facts(TypedDict):
    """Sent at the join and with each heartbeat."""

    cores: int
    memory: int  #: bytes
    platform: str
    python: str
    version: str
    host: str  #: kernel and network namespace, hashed: equal only on one host
    sealed: bool
    folder: str
    allowed: list[str]


def facts(*, sealed: bool, folder: Path, allowed: tuple[str, ...]) -> Facts:
    return Facts(
        cores=cores(),
        memory=memory(),
        platform=f"{platform.system()} {platform.machine()}"[:128],
        python=platform.python_version(),
        version=release(),
        host=host(),
        sealed=sealed,
        folder=str(folder),
        allowed=list(allowed),
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def memory() -> int:
    """Bytes that this process may use: the system's, or its cgroup's where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *_cgroup_limits()])


def _cgroup_limits() -> list[int]:
    limits: list[int] = []
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        folder = Path("/sys/fs/cgroup") / own[3:].lstrip("/")
    except (OSError, StopIteration):
        return limits
    for at in (folder, *folder.parents):
        try:
            text = (at / "memory.max").read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return limits


def release() -> str:
    """Version of the node agent; it comes as hayride-node on a machine and as hayride in a checkout."""
    for name in ("hayride-node", "hayride"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


def host() -> str:
    """Equal for two processes exactly if they share one kernel and one network."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return hashlib.sha256(f"{boot} {os.readlink('/proc/self/ns/net')}".encode()).hexdigest()


def in_words(cores: int, memory: int) -> str:
    """As the chat says it: "8 cores, 32 GB"."""
    return f"{cores} core{'' if cores == 1 else 's'}, {round(memory / 1024**3)} GB"
