"""launchd, for macOS. Experimental: the file is tested, but it was never run on a Mac."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path

from node_join.autostart.service import NAME, Service, must, remove, run_tool, write
from node_join.errors import NodeError

#: Seconds between two starts. launchd knows no exit status that ends it for good, so a refused machine asks as often.
_PAUSE = 60


def plist(service: Service) -> bytes:
    """The agent's property list."""
    log = str(service.state / "launchd.log")
    return plistlib.dumps(
        {
            "Label": NAME,
            "ProgramArguments": list(service.command),
            "EnvironmentVariables": dict(service.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _PAUSE,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
    )


class Launchd:
    """A launch agent of the person, or a launch daemon for root."""

    def __init__(self, *, as_root: bool) -> None:
        self.kind = "a launchd service (experimental)"
        self._domain = "system" if as_root else f"gui/{os.geteuid()}"
        library = Path("/Library/LaunchDaemons") if as_root else Path.home() / "Library" / "LaunchAgents"
        self._path = library / f"{NAME}.plist"

    def on(self, service: Service, *, start: bool) -> list[str]:
        write(self._path, plist(service))
        if start:
            run_tool("launchctl", "bootout", f"{self._domain}/{NAME}")  # an earlier one, with other flags
            try:
                must("launchctl", "bootstrap", self._domain, str(self._path))
            except NodeError as error:
                remove(self._path)  # else it would begin at the next login after all
                raise NodeError(f"{error} A launch agent needs you logged in at the Mac itself, not by SSH.") from error
        return ["Autostart on macOS is experimental: it was never run there."]

    def off(self, *, stop: bool) -> list[str]:
        if stop:
            run_tool("launchctl", "bootout", f"{self._domain}/{NAME}")
        remove(self._path)
        return []

    def is_on(self) -> bool:
        return self._path.exists()

    def told(self) -> str:
        return str(self._path)
