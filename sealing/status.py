"""Whether this host can make boxes, and what to do where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SealStatus:
    """What `doctor` says about boxes here."""

    available: bool
    #: Why not, one sentence; "" where available.
    reason: str = ""
    #: What to do about it; "" where available.
    remedy: str = ""
    #: The bwrap that works here.
    bwrap: Path | None = None
    #: Bound -> how it is held: {"memory": "cgroup v2", "processes": "rlimit"}; "none" where the host offers no way.
    limits: dict[str, str] = field(default_factory=dict)


def seal_status() -> SealStatus:
    """Really tries a tiny box."""
    raise NotImplementedError
