"""What a machine says of itself."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

from node_join.state import Limits
from ray_jobs.cores import usable_cores

#: Of the tunnel's messages: grows when an older server or node agent could not go along.
PROTOCOL = 1
_GPU_SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


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
    protocol: int  #: of the tunnel's messages
    paused: str  #: why no job begins here now; "" where jobs may begin
    load: float  #: of the last minute
    memory_free: int  #: bytes
    disk_free: int  #: bytes, where the machine's own folder lies
    gpus: int


def facts(*, sealed: bool, folder: Path, allowed: tuple[str, ...], limits: Limits, paused: str = "") -> Facts:
    """`limits`: what the owner gives; the machine may have more."""
    return Facts(
        cores=given_cores(limits),
        memory=given_memory(limits),
        platform=f"{platform.system()} {platform.machine()}"[:128],
        python=platform.python_version(),
        version=release(),
        host=host(),
        sealed=sealed,
        folder=str(folder),
        allowed=list(allowed),
        protocol=PROTOCOL,
        paused=paused,
        load=round(os.getloadavg()[0], 2),
        memory_free=memory_free(),
        disk_free=shutil.disk_usage(folder).free,
        gpus=len(gpus()) if limits.gpu else 0,
    )


def given_cores(limits: Limits) -> int:
    return min(usable_cores(), limits.cores or usable_cores())


def given_memory(limits: Limits) -> int:
    return min(memory(), limits.memory or memory())


def memory_free() -> int:
    """Bytes that programs can have without others being swapped out."""
    if sys.platform != "linux":
        import psutil  # Linux' environments are without it

        return int(psutil.virtual_memory().available)
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def gpus(devices: Path = Path("/dev")) -> list[Path]:
    """NVIDIA's GPUs, by their device files: Ray and TensorFlow use no others."""
    return sorted(path for path in devices.glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdigit())


def gpu_files(devices: Path = Path("/dev")) -> tuple[Path, ...]:
    """All device files that a program needs to use the GPUs; none where there is no GPU."""
    found = gpus(devices)
    shared = [path for name in _GPU_SHARED if (path := devices / name).exists()]
    return (*found, *shared) if found else ()


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
    if sys.platform != "linux":  # where no server runs that could be on the same
        return hashlib.sha256(f"{sys.platform} {platform.node()} {uuid.getnode()}".encode()).hexdigest()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return hashlib.sha256(f"{boot} {os.readlink('/proc/self/ns/net')}".encode()).hexdigest()


def in_words(cores: int, memory: int) -> str:
    """As the chat says it: "8 cores, 32 GB"."""
    return f"{cores} core{'' if cores == 1 else 's'}, {round(memory / 1024**3)} GB"
