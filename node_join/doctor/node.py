"""What runs here, as the node agent wrote it down."""

from __future__ import annotations

import sys
from pathlib import Path

from node_join import amounts, facts, script
from node_join.doctor.patient import Bad, Patient, Unknown
from node_join.errors import NodeError
from node_join.upgrades import offered_release

_RUN = "Start it with `hayride-node run`."


def agent(patient: Patient) -> str:
    status = patient.status
    if patient.state.running():
        return f"runs as process {status.pid}" if status else "runs"
    if status and status.state == "stopped" and status.told:
        raise Bad(f"The node agent has stopped. It said last: {status.told}", _RUN)
    raise Bad("The node agent does not run.", _RUN)


def tunnel(patient: Patient) -> str:
    status = patient.status
    if status and status.state in ("connected", "joined"):
        heard = f", the server was last heard {amounts.span(patient.now() - status.heard)} ago" if status.heard else ""
        return f"up for {amounts.span(patient.now() - status.since)}{heard}"
    told = f": {status.told}" if status and status.told else "."
    raise Bad(
        f"The tunnel is not up{told}", "It is tried again by itself; where that goes on, see `hayride-node logs`."
    )


def ray(patient: Patient) -> str:
    if patient.status and patient.status.state == "joined":
        return "the Ray node is in the pool"
    raise Bad("The Ray node is not in the pool.", "It takes up to a minute to start; then see `hayride-node logs`.")


def versions(patient: Patient) -> str:
    """Environments are named by all that goes into them, so equal names are equal versions."""
    own = f"node agent {facts.release()}"
    try:
        release = offered_release(patient.machine)
        node = script.node_kind(neural=patient.machine.neural)
        wanted = {kind: script.environment_name(kind, release) for kind in (script.AGENT, node)}
    except (NodeError, LookupError, TypeError, AttributeError) as error:
        raise Unknown(f"{own}; what the server has is not known ({error})") from error
    prefix = Path(sys.prefix)
    if not (prefix / "complete").exists():
        raise Unknown(f"{own}, not installed by the pasted command, so it is not compared")
    if prefix.name != wanted[script.AGENT]:
        raise Bad(f"{own} is not the one that the server has now.", "Type `hayride-node upgrade`.")
    if patient.state.outdated(patient.machine, wanted[node]):
        raise Bad(
            "The node's environment is not the one that the server has now.",
            "The node agent renews it by itself between jobs; where it does not, see `hayride-node logs`.",
        )
    return f"{own} and the node's environment, as the server has them"
