"""Which host files a Python environment needs: its prefix, its base's prefix, and the symlinks in between."""

from __future__ import annotations

from collections.abc import Iterable

from sealing.plan import Bind


def app_binds(packages: Iterable[str]) -> tuple[Bind, ...]:
    """Our packages ("head.pool", "ray_jobs") below /app, found as this process imports them. Raises SealError."""
    raise NotImplementedError
