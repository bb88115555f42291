"""What the commands that show or change this machine's settings share."""

from __future__ import annotations

from node_join import script
from node_join.commands.command import joined_machine, say
from node_join.state import Machine, StateFolder


def joined_here() -> tuple[StateFolder, Machine]:
    """This machine's state and what it joined; makes nothing. Raises NodeError where it has joined nothing."""
    state = StateFolder(script.state_folder())
    return state, joined_machine(state)


def keep(state: StateFolder, before: Machine, after: Machine) -> None:
    """Writes a changed machine down, and says when that takes effect. An unchanged one restarts no box."""
    if after == before:
        say("That is so already; nothing was changed.")
        return
    state.save(after)
    say(f"Takes effect {'between jobs' if state.running() else 'at the next start of the node agent'}.")


def on_or_off(value: bool) -> str:
    return "on" if value else "off"
