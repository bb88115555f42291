"""Which folders a machine's owner may show to the box: never what holds keys, settings or the system."""

from __future__ import annotations

from pathlib import Path

from node_join.errors import NodeError

#: Of the system, or of the box itself.
_SYSTEM = tuple(
    map(
        Path,
        ("/proc", "/sys", "/dev", "/etc", "/boot", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/run", "/app", "/node"),
    )
)


def default_folder(home: Path) -> Path:
    """~/hayride, made if need be."""
    folder = home / "hayride"
    folder.mkdir(exist_ok=True)
    return folder


def allowed_folder(path: Path, *, home: Path, state: Path) -> Path:
    """The real folder behind `path`, if it may be shown. Raises NodeError that says why not."""
    try:
        folder = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        raise NodeError(f"{path} is not there. Make the folder first, or allow another.") from None
    if not folder.is_dir():
        raise NodeError(f"{path} is a file. Allow the folder that it lies in.")
    home, state = home.resolve(), state.resolve()
    if home == folder or folder in home.parents:
        raise NodeError(
            f"{folder} is not shown: it holds your whole home folder, keys and settings included. Allow a folder in it."
        )
    dotted = next((part for part in folder.parts if part.startswith(".")), None)
    if dotted:
        raise NodeError(
            f"{folder} is not shown: {dotted} is where programs keep keys and settings. Copy the data elsewhere."
        )
    if any(folder == system or system in folder.parents for system in _SYSTEM):
        raise NodeError(f"{folder} is not shown: it belongs to the system. Copy the data to a folder of yours.")
    if folder == state or state in folder.parents or folder in state.parents:
        raise NodeError(
            f"{folder} is not shown: Hayride keeps this machine's key in or below it. Allow another folder."
        )
    return folder


def allowed_folders(paths: list[Path], *, home: Path, state: Path) -> tuple[str, ...]:
    """All that were asked for, or the default one; one that lies in another is left out."""
    chosen = sorted({allowed_folder(path, home=home, state=state) for path in paths or [default_folder(home)]})
    return tuple(str(folder) for folder in chosen if not any(other in folder.parents for other in chosen))
