"""`hayride up` where it cannot: one clear error, and it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.telegram import TOKEN, FakeTelegram

_HAYRIDE = Path(sys.executable).with_name("hayride")


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "HAYRIDE_DATA_DIR": str(folder / "data"),
        "HAYRIDE_LISTEN_PORT": "0", "HAYRIDE_SEALING": "off", **more,
    }  # fmt: skip


@asynccontextmanager
async def _up(folder: Path, *options: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        _HAYRIDE, "up", *options, cwd=folder, env=_environment(folder, **environment), stdin=pipe, stdout=pipe,
        stderr=pipe,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _end(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """How it ended, and its last line on standard error."""
    _, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode().splitlines()[-1]


async def test_a_second_one_on_the_same_state_ends(tmp_path: Path) -> None:
    async with _up(tmp_path, "--console") as first:
        assert first.stderr is not None
        async with asyncio.timeout(60):
            while b"Gateway at" not in await first.stderr.readline():
                pass
        async with _up(tmp_path, "--console") as second:
            remedy = "Stop it, or set HAYRIDE_DATA_DIR."
            assert await _end(second) == (2, f"hayride: Another `hayride` runs on the same state. {remedy}")
        assert first.returncode is None


async def test_a_token_that_telegram_does_not_know_ends_it(tmp_path: Path) -> None:
    telegram = FakeTelegram()
    await telegram.start()
    try:
        wrong = {"HAYRIDE_TELEGRAM_TOKEN": "1:wrong", "HAYRIDE_TELEGRAM_BASE_URL": telegram.url}
        async with _up(tmp_path, **wrong) as process:
            code, said = await _end(process)
    finally:
        await telegram.stop()
    assert code == 2
    assert said.startswith("hayride: Telegram does not accept the bot token.")
    log = (tmp_path / "data" / "logs" / "hayride.log").read_text()
    assert "1:wrong" not in log + said


async def test_updates_reach_it_through_the_gateway(tmp_path: Path) -> None:
    telegram = FakeTelegram()
    await telegram.start()
    boss = telegram.person(1, "Boss")
    environment = {
        "HAYRIDE_TELEGRAM_TOKEN": TOKEN, "HAYRIDE_TELEGRAM_BASE_URL": telegram.url, "HAYRIDE_TELEGRAM_WEBHOOK": "on",
        "HAYRIDE_ADMINS": "1",
    }  # fmt: skip
    try:
        async with _up(tmp_path, **environment):
            boss.says("/start")
            await boss.sees("Train and use models", 60)
        assert telegram.polls == 0
        assert telegram.updates.url.startswith("http://127.0.0.1:")
        assert telegram.updates.url.endswith("/telegram/updates")
    finally:
        await telegram.stop()
