"""What a machine downloads from its server: our packages as a wheel built in memory, and hashed requirements."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

#: What runs on a machine, outside its box and inside it.
PACKAGES = ("node_join", "ray_jobs", "sealing")
#: A zip file cannot say earlier; fixed, so that the same files give the same wheel.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = {"__pycache__", "requirements"}
#: Bytes of each environment. To download: the sum of the wheels' sizes in uv.lock (a test holds the two together),
#: the larger of x86-64 and arm64. Installed and compiled: measured with `du -sb` on x86-64.
ENVIRONMENT_SIZES: Mapping[str, Mapping[str, int]] = {
    "uv": {"download": 18_000_000},
    "agent": {"download": 8_200_000, "installed": 34_000_000},
    "node": {"download": 401_000_000, "installed": 1_450_000_000},
    "neural": {"download": 715_000_000, "installed": 2_903_000_000},
}


def build_wheel(files: Mapping[str, bytes], release: str) -> bytes:
    """A wheel of `files` (path in site-packages -> content) with the command hayride-node; same input, same bytes."""
    info = f"hayride_node-{release}.dist-info"
    about = f"Metadata-Version: 2.1\nName: hayride-node\nVersion: {release}\nRequires-Python: >=3.11\n"
    members = {
        **files,
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hayride\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\nhayride-node = node_join.cli:main\n",
    }
    record = [f"{name},sha256={_record_hash(content)},{len(content)}" for name, content in sorted(members.items())]
    members[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(members.items(), key=lambda member: (".dist-info/" in member[0], member[0])):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _root(package: str) -> Path:
    """Where an installed package lies, found without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {package} is not installed.")
    return Path(spec.origin).parent


def package_files(package: str) -> Iterator[tuple[str, bytes]]:
    """Every file of an installed package (path in site-packages, content) that a machine needs."""
    root = _root(package)
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.is_file() and not _LEFT_OUT & set(inner.parts):
            yield f"{package}/{inner.as_posix()}", path.read_bytes()


class NodeFiles:
    """The files by name. Read and built once, at first use; a server is restarted after an upgrade."""

    def __init__(self) -> None:
        self.version = version("hayride")
        self.wheel_name = f"hayride_node-{self.version}-py3-none-any.whl"
        #: Ray wants the same minor version of Python on every node.
        self.python = f"{sys.version_info.major}.{sys.version_info.minor}"

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        ours = dict(entry for package in PACKAGES for entry in package_files(package))
        requirements = _root("node_join") / "requirements"
        return {
            self.wheel_name: build_wheel(ours, self.version),
            "requirements-uv.txt": (requirements / "uv.txt").read_bytes(),
            "requirements-agent.txt": (requirements / "agent.txt").read_bytes(),
            "requirements-node.txt": (requirements / "node.txt").read_bytes(),
            "requirements-neural.txt": (requirements / "neural.txt").read_bytes(),
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._contents)

    def content(self, name: str) -> bytes:
        return self._contents[name]

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self._contents[name]).hexdigest()

    def environment(self, kind: Literal["node", "neural"]) -> str:
        """The name of the environment that a machine's node is to run in, after all that goes into it. The same rule
        stands in node_join/script.py, which is a file of its own.
        """
        parts = (self.python, self.sha256(f"requirements-{kind}.txt"), self.sha256(self.wheel_name))
        return f"{kind}-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def release(self, public_url: str) -> dict[str, Any]:
        """What a machine is told: where the files are, what they must be, and how large all of it is."""
        return {
            "url": public_url,
            "python": self.python,
            "wheel": self.wheel_name,
            "sha256": {name: self.sha256(name) for name in self.names},
            "sizes": {name: len(self.content(name)) for name in self.names},
            "environments": {kind: dict(sizes) for kind, sizes in ENVIRONMENT_SIZES.items()},
        }
