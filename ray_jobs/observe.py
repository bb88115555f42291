"""What a task sees of the place where it runs: whether it is in a sealed box. Observed, never taken from settings."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")


def sealed(proc: Path = _PROC) -> bool:
    """Whether this process sees no process of the host and no network but loopback.

    True only where all of it holds: process 1 is bubblewrap's, so the process namespace is the box's own; the network
    has no interface but lo; no IPv4 route at all, and no IPv6 route that leaves lo. Not Linux: False.
    """
    try:
        return _first_process(proc) == "bwrap" and _interfaces(proc) <= {"lo"} and _routed_interfaces(proc) <= {"lo"}
    except (OSError, IndexError):
        return False


def _first_process(proc: Path) -> str:
    return (proc / "1" / "comm").read_text().strip()


def _interfaces(proc: Path) -> set[str]:
    lines = (proc / "net" / "dev").read_text().splitlines()[2:]
    return {line.split(":")[0].strip() for line in lines}


def _routed_interfaces(proc: Path) -> set[str]:
    found = {line.split()[0] for line in (proc / "net" / "route").read_text().splitlines()[1:] if line.strip()}
    try:
        ipv6 = (proc / "net" / "ipv6_route").read_text()
    except FileNotFoundError:  # a kernel without IPv6
        return found
    return found | {line.split()[-1] for line in ipv6.splitlines() if line.strip()}
