"""All checks, in order, and what hangs on what."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from node_join.doctor import machine, network, node, server
from node_join.doctor.patient import Bad, Finding, Patient, Unknown


@dataclass(frozen=True, kw_only=True)
class Check:
    """One hop. `look` tells what is well, or raises Bad or Unknown."""

    name: str
    after: tuple[str, ...] = ()  #: checks that have to be well before this one says anything
    look: Callable[[Patient], str]


#: In the order in which a person would mend things.
CHECKS: tuple[Check, ...] = (
    Check(name="system", look=machine.system),
    Check(name="sealing", look=machine.sealing),
    Check(name="disk", look=machine.disk),
    Check(name="memory", look=machine.memory),
    Check(name="joined", look=machine.joined),
    Check(name="environment", after=("joined",), look=machine.environment),
    *([Check(name="loopback", after=("joined",), look=machine.pool_addresses)] if sys.platform == "darwin" else []),
    Check(name="DNS", after=("joined",), look=network.dns),
    Check(name="TCP", after=("joined", "DNS"), look=network.tcp),
    Check(name="clock", after=("joined", "TCP"), look=network.clock),
    Check(name="TLS", after=("joined", "TCP"), look=network.tls),
    Check(name="server", after=("joined", "TLS"), look=server.server),
    Check(name="key", after=("joined", "server"), look=server.key),
    Check(name="agent", after=("joined",), look=node.agent),
    Check(name="tunnel", after=("agent",), look=node.tunnel),
    Check(name="Ray", after=("tunnel",), look=node.ray),
    Check(name="versions", after=("key",), look=node.versions),
)


def examine(patient: Patient) -> Iterator[Finding]:
    """Every check in order, each as soon as it is known."""
    well: set[str] = set()
    for check in CHECKS:
        broken = next((name for name in check.after if name not in well), None)
        finding = _not_checked(check, broken) if broken else _finding(check, patient)
        if finding.state == "ok":
            well.add(check.name)
        yield finding


def _not_checked(check: Check, broken: str) -> Finding:
    return Finding(name=check.name, state="unknown", told=f"not checked, since {broken} is not ok")


def _finding(check: Check, patient: Patient) -> Finding:
    try:
        return Finding(name=check.name, state="ok", told=check.look(patient))
    except Bad as error:
        return Finding(name=check.name, state="bad", told=error.told, remedy=error.remedy)
    except Unknown as error:
        return Finding(name=check.name, state="unknown", told=str(error))
