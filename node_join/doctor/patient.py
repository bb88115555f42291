"""What is examined, and what a look may find."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from node_join.errors import NodeError
from node_join.state import Machine, StateFolder, Status

JOIN = "Send /connect in the chat and paste the command."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look told."""

    name: str
    state: Literal["ok", "bad", "unknown"]
    told: str
    remedy: str = ""


class Bad(Exception):
    """The hop is broken."""

    def __init__(self, told: str, remedy: str) -> None:
        super().__init__(told)
        self.told, self.remedy = told, remedy


class Unknown(Exception):
    """It cannot be told here, and that is no fault."""


class Patient:
    """What is examined. What one look found is kept for the next."""

    def __init__(self, state: StateFolder, now: Callable[[], float] = time.time) -> None:
        self.state = state
        self.now = now

    @cached_property
    def machine(self) -> Machine:
        """Raises Bad where this machine has joined nothing."""
        try:
            machine = self.state.machine()
        except NodeError as error:
            raise Bad(str(error), JOIN) from error
        if machine is None:
            raise Bad("This machine has not joined a pool.", JOIN)
        return machine

    @cached_property
    def server(self) -> SplitResult:
        return urlsplit(self.machine.url)

    @cached_property
    def end(self) -> tuple[str, int]:
        """The server's name and port."""
        return self.server.hostname or "", self.server.port or (443 if self.server.scheme == "https" else 80)

    @cached_property
    def proxy(self) -> SplitResult | None:
        """The proxy that the environment names for this server."""
        found = urllib.request.getproxies().get(self.server.scheme)
        if not found or urllib.request.proxy_bypass(self.end[0]):
            return None
        return urlsplit(found if "://" in found else f"http://{found}")

    @cached_property
    def first(self) -> tuple[str, int]:
        """Where the first connection goes: to the proxy, or to the server."""
        if self.proxy is None:
            return self.end
        return self.proxy.hostname or "", self.proxy.port or 80

    @cached_property
    def status(self) -> Status | None:
        return self.state.status()
