"""leave: this machine out of its pool, also without a network. Models and results stay unless --purge."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node_join import loopback, script
from node_join.autostart import autostart_here
from node_join.box import PATIENCE
from node_join.commands.command import Command, printable, say
from node_join.errors import NodeError
from node_join.state import Machine, StateFolder
from node_join.wishes import ask
from sealing import Box, SealError, discard, seal_status
from sealing.process_table import TABLE

#: Seconds for the server, for the node agent's end, for deleting what a box wrote.
_SERVER, _AGENT, _PURGE = 5.0, 20.0, 600.0
#: What is ours in the state folder, but node/. Named one by one: the folder may be one that a person keeps more in.
_OURS = (
    *("run", "agent.log*", "launchd.log", "requirements*", "wheels", "uv-*", "current", "current.new"),
    *("key", ".key-*", ".status.json-*", ".machine.json-*", "machine.json.new", "machine.json"),
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--purge", action="store_true", help="delete this machine's models, results and journals too")


def _run(options: argparse.Namespace) -> int:
    state = StateFolder(script.state_folder())
    if not (state.path / "machine.json").exists() and not (options.purge and state.path.is_dir()):
        raise NodeError("This machine has not joined a pool: there is nothing to leave.")
    machine = _joined(state)
    _end_service()
    stop_agent(state)
    with state.only_one():  # so that none begins meanwhile
        _end_box(state)
        if options.purge:
            purge(state)
        if machine:
            _tell(machine, state)
        gone = remove_ours(state)
    if machine:
        loopback.remove(machine.address, say)
    _tidy(state)
    say("Removed: " + (", ".join(gone) or "nothing, there was nothing"))
    _tell_kept(state)
    return 0


def _joined(state: StateFolder) -> Machine | None:
    """What this machine joined; None where that cannot be read, which is no reason to stay."""
    try:
        machine = state.machine()
    except NodeError:
        say("What this machine joined is damaged. Revoke it in the chat: /worker.")
        return None
    if machine is None:
        say("This machine has not joined a pool; what is left of an earlier join goes.")
    return machine


# --- what runs ---


def _end_service() -> None:
    """First: a service would start the node agent again."""
    keeper = autostart_here()
    was_on = keeper.is_on()
    notes = keeper.off(stop=True)
    if was_on:
        say(f"Autostart is off: {keeper.told()} is gone.")
    for note in notes:
        say(note)


def stop_agent(state: StateFolder, *, patience: float = _AGENT) -> None:
    """Ends the node agent that works in this folder, and with it its box. Raises NodeError where it goes on."""
    if not state.running():
        return
    status = state.status()
    if status is None or not _is_node_agent(status.pid):
        raise NodeError(
            "A node agent runs here, but not the one that is written down. Stop it (Ctrl-C), then leave again."
        )
    say(f"Stopping the node agent (process {status.pid}) ...")
    try:
        os.kill(status.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise NodeError(f"The node agent (process {status.pid}) is another user's. Leave as that user.") from None
    deadline = time.monotonic() + patience
    while state.running():
        if time.monotonic() > deadline:
            raise NodeError(
                f"The node agent (process {status.pid}) does not end. End it with `kill -9 {status.pid}`, "
                "then leave again; nothing was removed."
            )
        time.sleep(0.1)


def _is_node_agent(pid: int) -> bool:
    """The pid of a status that is old may be somebody else's by now."""
    return any(Path(word).name == "hayride-node" or word.startswith("node_join") for word in TABLE.command(pid))


def _end_box(state: StateFolder) -> None:
    """A box that outlived its node agent."""
    try:
        record = json.loads((state.run / "box.json").read_text())
        box, temp = Box.from_json(record["box"]), record["temp"]
    except (OSError, ValueError, KeyError, TypeError, SealError):
        return
    try:
        box.stop(patience=PATIENCE)
    except SealError as error:
        raise NodeError(f"{error} Leave again when it has ended; nothing was removed.") from error
    if temp:
        shutil.rmtree(temp, ignore_errors=True)


# --- the server ---


def _tell(machine: Machine, state: StateFolder) -> None:
    if (state.path / "key").exists() and tell_server(machine, state.key()):
        say("The server knows that this machine has left.")
    else:
        say(f"The server could not be told; revoke it in the chat: /worker, then {printable(machine.name)}.")


def tell_server(machine: Machine, key: Ed25519PrivateKey) -> bool:
    """Whether the server knows now that this machine has left. Waits 5 s at most, name look-up included."""
    told: list[bool] = []
    telling = threading.Thread(target=lambda: told.append(_post_leave(machine, key)), daemon=True)
    telling.start()
    telling.join(_SERVER)
    return told == [True]


def _post_leave(machine: Machine, key: Ed25519PrivateKey) -> bool:
    try:
        ask(machine, key, "leave", seconds=_SERVER)
    except NodeError:
        return False
    return True


# --- what is on the disk ---


def purge(state: StateFolder) -> None:
    """Deletes node/, whose content no program outside a box may follow. Raises NodeError where some of it stays."""
    if not os.path.lexists(state.node):
        return
    say("Deleting this machine's models, results and journals; how much that is, is not known outside their box ...")
    state.run.mkdir(mode=0o700, exist_ok=True)
    try:
        if seal_status().available:
            discard(state.node, errors=state.run / "errors", seconds=_PURGE)
        else:
            # No box was possible here, so what ran had its owner's rights anyway. Symlinks are not followed.
            shutil.rmtree(state.node)
    except (SealError, OSError) as error:
        raise NodeError(f"{error} Leave again with --purge; the machine's key is still there.") from error


def remove_ours(state: StateFolder) -> list[str]:
    """Removes all that the join made outside node/, the record of the join last; their names. Raises NodeError."""
    patterns = list(_OURS)
    if not os.environ.get("HAYRIDE_ENVIRONMENTS"):  # else they may be shared with others
        patterns.insert(0, "environments")
    gone = []
    _unlink_command(state)
    names = sorted(os.listdir(state.path))  # glob would not see a link that leads nowhere any more
    for name in (name for pattern in patterns for name in fnmatch.filter(names, pattern)):
        _remove(state.path / name)
        gone.append(name)
    return gone


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise NodeError(f"{path} cannot be removed: {error.strerror}. Remove it by hand, then leave again.") from error


def _unlink_command(state: StateFolder) -> None:
    """The join's link in ~/.local/bin, if it is this machine's."""
    link = Path.home() / ".local" / "bin" / "hayride-node"
    if link.is_symlink() and Path(os.readlink(link)).is_relative_to(state.path):
        _remove(link)


def _tidy(state: StateFolder) -> None:
    """The folder itself, where nothing is left in it."""
    steps: tuple[Callable[[], None], ...] = ((state.path / "lock").unlink, state.path.rmdir)
    for step in steps:
        try:
            step()
        except OSError:
            return


def _tell_kept(state: StateFolder) -> None:
    if os.path.lexists(state.node):
        say(f"Kept: models, results and journals, in {state.node}. Delete that folder when you need them no more.")
    elif state.path.exists():
        say(f"Kept: {state.path}, which holds files that are not Hayride's.")
    else:
        say(f"Kept: nothing; {state.path} is gone.")
    if os.environ.get("HAYRIDE_ENVIRONMENTS"):
        say(f"Kept: the environments in {script.environments_folder()}, which HAYRIDE_ENVIRONMENTS shares.")


LEAVE = Command(name="leave", about="take this machine out of its pool", arguments=_arguments, run=_run)
