"""neural: TensorFlow for neural networks. It is large, so it comes only where the machine's owner wants it."""

from __future__ import annotations

import argparse
import os

from node_join import script
from node_join.commands.choices import joined_here, keep, on_or_off
from node_join.commands.command import Command, say
from node_join.errors import NodeError
from node_join.upgrades import offered_release

_MEANS = {
    True: "This machine has TensorFlow; jobs may train Keras networks.",
    False: "This machine has no TensorFlow; jobs can train every other model.",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("choice", nargs="?", choices=["on", "off"], help="without it: what holds now")


def _run(options: argparse.Namespace) -> int:
    state, machine = joined_here()
    if options.choice is None:
        say(f"neural is {on_or_off(machine.neural)}. {_MEANS[machine.neural]}")
        return 0
    if not state.made(machine):
        raise NodeError(
            f"The node runs in an environment of your own ({machine.node_python}). Install tensorflow-cpu into that."
        )
    neural = options.choice == "on"
    try:
        folder = script.make_environment(script.node_kind(neural=neural), offered_release(machine), state.path)
    except script.Failure as error:
        raise NodeError(str(error)) from error
    except KeyError as error:
        raise NodeError(f"{machine.url} is too old to offer that. Ask its operator to upgrade Hayride.") from error
    say(f"neural is {on_or_off(neural)}. {_MEANS[neural]}")
    python = os.path.join(folder, "bin", "python")
    _, now = joined_here()  # that took minutes: something else may have been chosen meanwhile
    keep(state, now, now.model_copy(update={"neural": neural, "node_python": python}))
    return 0


NEURAL = Command(name="neural", about="TensorFlow for neural networks, on or off", arguments=_arguments, run=_run)
