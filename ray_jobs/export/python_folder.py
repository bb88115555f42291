"""A model as a zip that predicts without Hayride: its files, `predict.py`, and the source of what it needs of ours."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

from ray_jobs.export.sources import sources
from ray_jobs.manifest import Manifest
from ray_jobs.trusted import TRUSTED_TYPES

#: What `predict.py` imports of ours.
_NEEDED = ("ray_jobs.models", "ray_jobs.schema", "ray_jobs.target")
_KERAS = "ray_jobs.catalogue.keras_network"
_README = """# {name}, version {version}

Predicts {target}. `pip install -r requirements.txt` with Python {python}, then `python predict.py NEW.csv OUT.csv`.
In Python: `from predict import predict; predict(frame)`. Made by Hayride from {data}; model.json describes the columns.
"""


def write_python(folder: Path, manifest: Manifest, part: Path) -> None:
    """Writes the zip of the model in `folder`, whose hashes were checked, to `part`. Raises OSError."""
    made = time.gmtime(max(manifest.created, 315532800))[:6]  # a zip knows no year before 1980
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, made), content, zipfile.ZIP_DEFLATED)

        put("README.md", _readme(manifest).encode())
        put("requirements.txt", "".join(f"{name}=={version}\n" for name, version in _requirements(manifest)).encode())
        put("predict.py", Path(__file__).with_name("alone.py").read_bytes())
        put("model.json", json.dumps(_facts(manifest), indent=1, ensure_ascii=False).encode())
        for name, content in sources(_roots(), without=() if _is_network(manifest) else (_KERAS,)).items():
            put(name, content)
        for name in manifest.files:
            archive.write(folder / name, f"model/{name}")


def _readme(manifest: Manifest) -> str:
    return _README.format(
        name=manifest.name,
        version=manifest.version,
        target=manifest.target,
        python=manifest.versions.get("python", "3.11"),
        data=manifest.data,
    )


def _requirements(manifest: Manifest) -> list[tuple[str, str]]:
    return sorted((name, version) for name, version in manifest.versions.items() if name != "python")


def _facts(manifest: Manifest) -> dict[str, object]:
    """Of the manifest what predicting needs: neither paths nor what the rows held."""
    told = manifest.model_dump(
        mode="json", include={"name", "version", "task", "target", "columns", "interval", "threshold", "files"}
    )
    return told | {"classes": None if manifest.classes is None else list(manifest.classes.labels)}


def _roots() -> list[str]:
    """The modules that `predict.py` imports, and those of the types that a skops file of ours names."""
    return [*_NEEDED, *(name.rpartition(".")[0] for name in TRUSTED_TYPES if name.startswith("ray_jobs."))]


def _is_network(manifest: Manifest) -> bool:
    return any(name.endswith(".keras") for name in manifest.files)
