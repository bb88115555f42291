"""What a command is, and what all of them share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from node_join import script
from node_join.errors import NodeError
from node_join.state import Machine, StateFolder


@dataclass(frozen=True, kw_only=True)
class Command:
    """One word after `hayride-node`."""

    name: str
    about: str  #: a line for --help
    arguments: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], int]  #: the exit status. Raises NodeError with a line for the person


def say(text: str) -> None:
    """One line at the prompt. What came from a server or a box loses its control characters before."""
    print(text, flush=True)  # noqa: T201


def printable(text: str) -> str:
    """Without what could move the cursor or recolour the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def own_state(*, as_root: bool = True) -> StateFolder:
    """This machine's state folder, made where it is missing. `as_root`: False where root has to say so."""
    script.check_platform()
    script.check_user(as_root)
    state = StateFolder(script.state_folder())
    state.make()
    return state


def joined_machine(state: StateFolder) -> Machine:
    """What this machine joined. Raises NodeError where it has joined nothing."""
    machine = state.machine()
    if machine is None:
        raise NodeError("This machine has not joined a pool. Send /connect in the chat and paste the command.")
    return machine
