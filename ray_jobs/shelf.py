"""The models of a place as an idle agent sees them: manifests and folders, nothing opened, no heavy library loaded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ray_jobs.place import checked_id

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 16 * 1024 * 1024


def read_manifest(folder: Path, model_id: str) -> bytes:
    """The bytes of a model's manifest. Raises ValueError for a hostile id or an oversized file, OSError where
    there is none.
    """
    path = folder / checked_id(model_id) / MANIFEST
    if path.parent.is_symlink():
        raise ValueError("a link in place of a model")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        content = file.read(MANIFEST_LIMIT + 1)
    if len(content) > MANIFEST_LIMIT:
        raise ValueError("too long for a manifest")
    return content


def manifests(folder: Path) -> list[dict[str, Any]]:
    """Every readable manifest, newest first. Damaged ones are told about when they are used."""
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        try:
            manifest = json.loads(read_manifest(folder, name))
        except (OSError, ValueError):
            continue
        if isinstance(manifest, dict) and manifest.get("model_id") == name:
            found.append(manifest)
    return sorted(found, key=lambda manifest: -float(manifest.get("created", 0)))


def drop_model(folder: Path, model_id: str) -> bool:
    """Deletes a model; False where there is none. A symlink is removed, never followed. Raises OSError."""
    try:
        path = folder / checked_id(model_id)
    except ValueError:
        return False
    if path.is_symlink():
        path.unlink()
        return True
    if not path.is_dir():
        return False
    shutil.rmtree(path)
    return True
