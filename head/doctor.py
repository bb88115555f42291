"""`hayride doctor`: what this server has, lacks, and how to mend it."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx

from head.settings import Settings
from sealing import seal_status

#: A pool's box with the dashboard takes some 450 MB; a task that trains needs as much again.
MEMORY_NEEDED = 1_500_000_000
DISK_NEEDED = 3_000_000_000


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a person would mend things."""
    return [
        await asyncio.to_thread(_sealing, settings),
        _memory(),
        _disk(settings),
        _telegram(settings),
        await _gateway(settings),
    ]


def _sealing(settings: Settings) -> Finding:
    status = seal_status()
    if not settings.sealing:
        return Finding(
            name="sealing",
            ok=False,
            detail="Switched off by hand: this server serves one person only.",
            remedy="Remove `sealing: off` to serve more.",
        )
    if status.available:
        return Finding(name="sealing", ok=True, detail=f"Boxes can be made here. {status.reason}".strip())
    return Finding(name="sealing", ok=False, detail=status.reason, remedy=status.remedy)


def _memory() -> Finding:
    available = _memory_available()
    return Finding(
        name="memory",
        ok=available >= MEMORY_NEEDED,
        detail=f"{available / 1e9:.1f} GB free.",
        remedy=f"A pool and a job need some {MEMORY_NEEDED / 1e9:.1f} GB.",
    )


def _memory_available() -> int:
    """Bytes that can be had without swapping, the page cache included; from the kernel where it tells."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        name="disk",
        ok=free >= DISK_NEEDED,
        detail=f"{free / 1e9:.1f} GB free where the state lies.",
        remedy=f"Keep {DISK_NEEDED / 1e9:.0f} GB free, or move the state with HAYRIDE_DATA_DIR.",
    )


def _telegram(settings: Settings) -> Finding:
    if settings.telegram_token is not None:
        return Finding(name="telegram", ok=True, detail="A bot token is set.")
    return Finding(
        name="telegram",
        ok=True,
        detail="No bot token: `hayride up` opens the chat in the terminal.",
        remedy="Set HAYRIDE_TELEGRAM_TOKEN, or name a file in telegram_token_file.",
    )


async def _gateway(settings: Settings) -> Finding:
    """Asks through the public address, as a machine at home would, through proxy and certificate."""
    url = f"{settings.url}/healthz"
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(url)
            answer.raise_for_status()
    except httpx.ConnectError as error:
        return Finding(
            name="gateway",
            ok=False,
            detail=f"Nothing answers at {url}: {error}",
            remedy="Start `hayride up`; then check public_url, the proxy and the certificate.",
        )
    except httpx.HTTPError as error:
        return Finding(
            name="gateway",
            ok=False,
            detail=f"{url} does not answer as it should: {error}",
            remedy="Check that public_url and the proxy lead to this server.",
        )
    return Finding(name="gateway", ok=True, detail=f"{url} answers.")
