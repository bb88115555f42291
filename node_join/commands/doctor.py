"""doctor: which hop between this machine and its pool is broken, and what to do about it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace

from node_join import script
from node_join.commands.command import Command, printable, say
from node_join.doctor import Finding, Patient, examine
from node_join.state import StateFolder


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="a JSON list of what was found")


def _run(options: argparse.Namespace) -> int:
    findings = []
    for found in examine(Patient(StateFolder(script.state_folder()))):
        finding = replace(found, told=printable(found.told), remedy=printable(found.remedy))
        findings.append(finding)
        if not options.json:
            _tell(finding)
    if options.json:
        say(json.dumps([asdict(finding) for finding in findings], indent=1))
    elif broken := next((finding for finding in findings if finding.state == "bad"), None):
        say(f"Mend {broken.name} first.")
    else:
        say("Nothing is broken.")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _tell(finding: Finding) -> None:
    mark = "?" if finding.state == "unknown" else finding.state
    say(f"{mark:<4} {finding.name:<12} {finding.told}")
    if finding.remedy:
        say(f"     {'':<12} {finding.remedy}")


DOCTOR = Command(name="doctor", about="which hop to the pool is broken", arguments=_arguments, run=_run)
