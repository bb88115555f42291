"""The environments that a join makes, made once by the join script itself: test hosts have no network to get them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import urllib.request
from pathlib import Path

from head.gateway.app import Server, create_gateway
from tests.support.services import MemoryServices

#: Kept between test sessions; the script names an environment by all that goes into it.
FOLDER = Path(__file__).parents[2] / ".pytest_cache" / "environments"


def prepared(state: Path) -> Path:
    """The folder for HAYRIDE_ENVIRONMENTS. Downloads what is not there yet: runs where the registry can be reached."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(_make(state))
    return FOLDER


async def _make(state: Path) -> None:
    services = MemoryServices()
    server = await Server.start(create_gateway(services), host="127.0.0.1", port=0)
    services.public_url = f"http://127.0.0.1:{server.port}"
    try:
        script = await asyncio.to_thread(_get, f"{services.public_url}/worker")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-", "--environments-only", "--neural", "--as-root",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ
            | {"HAYRIDE_ENVIRONMENTS": str(FOLDER), "HAYRIDE_NODE_DIR": str(state), "PATH": _path()},
        )  # fmt: skip
        output, _ = await process.communicate(script)
        assert process.returncode == 0, output.decode()
        _forget_others(output.decode())
    finally:
        await server.stop()


def _path() -> str:
    """With the uv that runs the tests, which may be no more than a Python module: it says where it is."""
    uv = os.environ.get("UV")
    return os.pathsep.join(([str(Path(uv).parent)] if uv else []) + [os.environ["PATH"]])


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def _forget_others(output: str) -> None:
    """Environments of earlier states of the checkout are of no use to anybody."""
    for folder in FOLDER.iterdir():
        if folder.name.removesuffix(".lock") not in output:
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
