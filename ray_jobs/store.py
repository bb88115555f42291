"""The models of one place: models/<id>/ with manifest.json and the model's own files.

A model file can run code if it is opened carelessly. So: no pickle anywhere; skops files only with the types named
here, never those that the file itself names; hashes checked before anything is opened; and files are opened only where
they were made.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.manifest import FORMAT, Manifest
from ray_jobs.models import BadModelFiles, FittedModel, is_model_file, load_model
from ray_jobs.place import checked_id
from ray_jobs.problems import Refused
from ray_jobs.shelf import locked, next_version, read_manifest, write_manifest
from ray_jobs.spec import ProblemCode, clean_name, made_name

#: What every model is made of; and what besides, by the ending of its file, where two packages bring the same library.
_ALWAYS = ("numpy", "pandas", "pydantic", "scikit-learn", "skops")
_BESIDES = {
    ".lgb": ("lightgbm",),
    ".ubj": ("xgboost-cpu", "xgboost"),
    ".cbm": ("catboost",),
    ".keras": ("keras", "tensorflow-cpu", "tensorflow"),
}


class ModelStore:
    """Reads and writes below one folder. Blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, model: FittedModel, manifest_for: dict[str, Any], scratch: Path) -> Manifest:
        """Writes the model whole or not at all. `manifest_for`: its manifest but what is found here: name and version,
        files and what made them. Raises OSError.

        `scratch` is a folder to write in, on the same disk; it becomes the model's folder, with what lies there.
        """
        files = model.save(scratch)
        found = {"versions": versions(files), "files": {file: file_hash(scratch / file) for file in files}}
        name = clean_name(manifest_for["spec"].name) or made_name(manifest_for["target"], manifest_for["model"])
        with locked(self.folder):
            manifest = Manifest(**{**manifest_for, **found, "name": name, "version": self.next_version(name)})
            write_manifest(scratch, manifest.model_dump_json(indent=1))
            os.rename(scratch, self._path(manifest.model_id))
        return manifest

    def next_version(self, name: str) -> int:
        """The version that a model saved under `name` now would be."""
        return next_version(self.folder, name)

    def manifest(self, model_id: str) -> Manifest:
        """Raises Refused(MODEL_NOT_FOUND or MODEL_DAMAGED)."""
        try:
            checked_id(model_id)
            manifest = Manifest.model_validate_json(read_manifest(self.folder, model_id))
        except FileNotFoundError as error:
            raise _not_found(model_id) from error
        except (OSError, ValueError) as error:
            if not self._exists(model_id):
                raise _not_found(model_id) from error
            raise _damaged(model_id, "its manifest can't be read") from error
        if manifest.model_id != model_id or manifest.format != FORMAT or not all(map(is_model_file, manifest.files)):
            raise _damaged(model_id, "its manifest belongs to something else")
        return manifest

    def load(self, model_id: str) -> tuple[Manifest, FittedModel]:
        """Checks every hash, then opens the files. Raises Refused."""
        manifest = self.manifest(model_id)
        folder = self._path(model_id)
        for name, expected in manifest.files.items():
            path = folder / name
            try:
                intact = not path.is_symlink() and file_hash(path) == expected
            except OSError:
                intact = False
            if not intact:
                raise _damaged(model_id, f"{name} is not what was saved")
        try:
            return manifest, load_model(folder, manifest.files)
        except BadModelFiles as error:
            raise _damaged(model_id, str(error)) from error

    def _exists(self, model_id: str) -> bool:
        try:
            return os.path.lexists(self._path(model_id))
        except ValueError:
            return False

    def _path(self, model_id: str) -> Path:
        return self.folder / checked_id(model_id)


def file_hash(path: Path | str) -> str:
    """SHA-256 in hex. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(files: Iterable[str]) -> dict[str, str]:
    """Of Python and of the libraries that made `files`, by their packages' names."""
    suffixes = {Path(name).suffix for name in files}
    packages = [*_ALWAYS, *(package for suffix in sorted(suffixes) for package in _BESIDES.get(suffix, ()))]
    return {"python": ".".join(map(str, sys.version_info[:3]))} | _installed(packages)


def _installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those that are installed here."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def check_outputs(manifest: Manifest, outputs: NDArray[np.float64]) -> None:
    """Raises Refused(MODEL_DAMAGED) where the model's answers are not one number for each row, or one for each label:
    its manifest is another's.
    """
    width = () if manifest.classes is None else (len(manifest.classes.labels),)
    if outputs.shape[1:] != width:
        raise _damaged(manifest.model_id, "its answers are not those that its manifest tells of")


def version_warnings(manifest: Manifest) -> list[str]:
    """Where a library that made the model is another version now, by major and minor."""
    now = {"python": ".".join(map(str, sys.version_info[:2]))} | _installed(manifest.versions)
    return [
        f"The model was made with {name} {then}; here is {now[name]}."
        for name, then in manifest.versions.items()
        if name in now and _minor(then) != _minor(now[name])
    ]


def _minor(text: str) -> list[str]:
    return re.split(r"\.", text)[:2]


def _not_found(model_id: str) -> Refused:
    return Refused(ProblemCode.MODEL_NOT_FOUND, f"There is no model {model_id[:40]!r} here.", subject=model_id)


def _damaged(model_id: str, reason: str) -> Refused:
    return Refused(ProblemCode.MODEL_DAMAGED, f"Model {model_id[:40]} is damaged: {reason}.", subject=model_id)
