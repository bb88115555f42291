"""The models of a place as an idle agent sees them: manifests and folders, nothing opened, no heavy library loaded.

A model's folder is called by its id alone; its name and version stand in its manifest. Versions of a name are counted
from 1, and whoever gives one out holds the store's lock until the model has it: jobs end side by side.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray_jobs.place import checked_id
from ray_jobs.spec import clean_name, name_key

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 16 * 1024 * 1024
#: Of one name; a result's `version` has room for more, so that there is always a next one.
MOST_VERSIONS = 2**31 - 2
#: The end of the year 2100, in seconds since the epoch: no model was made later, and every calendar has it.
LATEST = 4_133_980_799
#: What comes of reading anything at all as a manifest: brackets within brackets end in a RecursionError.
_UNREADABLE = (OSError, ValueError, RecursionError)


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
        except _UNREADABLE:
            continue
        if isinstance(manifest, dict) and manifest.get("model_id") == name:
            found.append(manifest)
    return sorted(found, key=lambda manifest: -_created(manifest))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The store for one process alone; the lock goes with the process that holds it. Waits for it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def next_version(folder: Path, name: str) -> int:
    """The number that follows the name's newest version, 1 for a new name. Only worth something while `locked`."""
    key = name_key(name)
    return max((_version(each) for each in manifests(folder) if name_key(_name(each)) == key), default=0) + 1


def rename_model(folder: Path, model_id: str, name: str) -> int:
    """Gives a model another name; returns the version that it is of that name: the next, or the one it was already.

    Raises LookupError where there is no such model, ValueError for a name of which nothing can be seen.
    """
    name = clean_name(name)
    if not name:
        raise ValueError("not a name")
    with locked(folder):
        try:
            manifest = json.loads(read_manifest(folder, model_id))
        except _UNREADABLE as error:
            raise LookupError("no such model here") from error
        if not isinstance(manifest, dict) or manifest.get("model_id") != model_id:
            raise LookupError("no such model here")
        same = name_key(_name(manifest)) == name_key(name)
        version = _version(manifest) if same else next_version(folder, name)
        write_manifest(folder / model_id, json.dumps({**manifest, "name": name, "version": version}, indent=1))
    return version


def write_manifest(folder: Path, content: str) -> None:
    """Puts a manifest into a model's folder, whole or not at all. Raises OSError."""
    part = folder / f"{MANIFEST}.part"
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(part, folder / MANIFEST)


def drop_model(folder: Path, model_id: str) -> bool:
    """Deletes a model; False where there is none. A symlink is removed, never followed. Raises OSError."""
    try:
        path = folder / checked_id(model_id)
    except ValueError:
        return False
    if not folder.is_dir():
        return False
    with locked(folder):
        if path.is_symlink():
            path.unlink()
            return True
        if not path.is_dir():
            return False
        shutil.rmtree(path)
        return True


def _name(manifest: dict[str, Any]) -> str:
    return str(manifest.get("name", ""))


def _version(manifest: dict[str, Any]) -> int:
    """1 for what is no version: the next one of that name must be one."""
    version = manifest.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and 1 <= version <= MOST_VERSIONS:
        return version
    return 1


def _created(manifest: dict[str, Any]) -> float:
    """0 for what is no time."""
    created = manifest.get("created")
    if isinstance(created, int | float) and 0 <= created <= LATEST:
        return float(created)
    return 0.0
