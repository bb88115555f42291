"""What the in-memory machines share: folders to look into, by path as their owner knows it."""

from __future__ import annotations

from head.api import Folder, FolderEntry

HOME = "/home/ann/hayride"


def file(name: str, size: int = 141_312) -> FolderEntry:
    return FolderEntry(name=name, kind="file", size=size, changed=1_767_000_000)


def folder(name: str) -> FolderEntry:
    return FolderEntry(name=name, kind="folder", changed=1_767_000_000)


def shared() -> dict[str, Folder]:
    """One allowed folder with a few files, a folder in it, and in that a table in parts."""
    parts = tuple(file(f"part-{number}.parquet") for number in range(10))
    home = Folder(path=HOME, entries=(folder("sales"), file("churn.csv"), file("new.csv")))
    sales = Folder(path=f"{HOME}/sales", up=HOME, entries=(folder("empty"), *parts), parquet=True)
    empty = Folder(path=f"{HOME}/sales/empty", up=f"{HOME}/sales", entries=())
    return {"": home, **{it.path: it for it in (home, sales, empty)}}
