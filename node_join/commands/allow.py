"""allow: the folders that jobs may read, and the largest file in each."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

from node_join import amounts
from node_join.allow import allowed_folder
from node_join.commands.choices import joined_here, keep
from node_join.commands.command import Command, printable, say
from node_join.errors import NodeError
from node_join.state import Machine, StateFolder
from sealing import SealError, allowed_binds


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a folder to show to jobs, read-only")
    parser.add_argument(
        "--remove", action="append", default=[], type=Path, metavar="PATH", help="a folder to show no more"
    )
    parser.add_argument("--max-size", metavar="SIZE|all", help="the largest file that jobs may read in the PATHs")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    if options.max_size is not None and not options.paths:
        raise NodeError("--max-size belongs to folders. Name them: hayride-node allow PATH --max-size SIZE.")
    chosen = _Folders({folder: machine.max_sizes.get(folder) for folder in machine.allowed})
    for path in options.remove:
        chosen.remove(path)
    for path in options.paths:
        folder = showable(path, state, sealed=machine.sealing != "off")
        if str(folder) != os.path.abspath(path.expanduser()):
            chosen.told.append(f"{path} is a link; what is shown is {folder}.")
        chosen.add(folder, options.max_size)
    if not chosen.sizes:
        raise NodeError("No folder would be left, and jobs could read nothing. Allow another folder at the same time.")
    for line in (*chosen.told, *in_words(chosen.sizes)):
        say(printable(line))
    if options.remove or options.paths:
        keep(state, machine, _with(machine, chosen.sizes))
    return 0


@dataclass
class _Folders:
    """The allowed folders as they are changed."""

    sizes: dict[str, int | None]  #: by folder, the largest file
    told: list[str] = field(default_factory=list)  #: what the owner may not expect

    def add(self, folder: Path, largest: str | None) -> None:
        """Raises NodeError where a size is asked for a part of a folder that is allowed as a whole."""
        if around := next((f for f in self.sizes if Path(f) in folder.parents), None):
            if largest is not None:
                raise NodeError(f"{folder} lies in {around}, which is allowed already. Give --max-size to {around}.")
            self.told.append(f"{folder} lies in {around}, which is allowed already.")
            return
        for inner in [f for f in self.sizes if folder in Path(f).parents]:
            del self.sizes[inner]
            self.told.append(f"{inner} is now shown as a part of {folder}.")
        before = self.sizes.get(str(folder))
        self.sizes[str(folder)] = before if largest is None else _size(largest)

    def remove(self, path: Path) -> None:
        """By the name that the list shows, or by one that leads there. Raises NodeError for what is not allowed."""
        names = {str(path), os.path.abspath(path.expanduser()), os.path.realpath(path.expanduser())}
        found = names & self.sizes.keys()
        for folder in found:
            del self.sizes[folder]
        if found:
            return
        if around := next((f for f in self.sizes if any(Path(f) in Path(name).parents for name in names)), None):
            raise NodeError(f"{path} is a part of {around}. Remove {around}, and allow what of it may be shown.")
        raise NodeError(f"{path} is not allowed anyway. See the list with `hayride-node allow`.")


def _size(text: str) -> int | None:
    return None if text == "all" else amounts.parsed_size(text)


def showable(path: Path, state: StateFolder, *, sealed: bool) -> Path:
    """The real folder behind `path`. Raises NodeError where it may not be shown, or the box could not show it."""
    folder = allowed_folder(path, home=Path.home(), state=state.path)
    if not str(folder).isprintable():  # bytes that are no text, too: machine.json could not be read again
        raise NodeError(f"{printable(str(folder))} has characters that cannot be shown. Rename the folder.")
    try:
        if sealed:
            allowed_binds(folder)
    except SealError as error:
        raise NodeError(str(error)) from error
    return folder


def _with(machine: Machine, sizes: dict[str, int | None]) -> Machine:
    largest = {folder: size for folder, size in sizes.items() if size is not None}
    return machine.model_copy(update={"allowed": tuple(sorted(sizes)), "max_sizes": largest})


def in_words(sizes: dict[str, int | None]) -> list[str]:
    """Each folder in a line."""
    return [
        folder + (f" (files up to {amounts.size(size)})" if size is not None else "")
        for folder, size in sorted(sizes.items())
    ]


ALLOW = Command(name="allow", about="the folders that jobs may read", arguments=_arguments, run=_run)
