"""Why a machine cannot join or go on. One line each, for the person at the prompt."""

from __future__ import annotations


class NodeError(Exception):
    """May be shown as it is: what went wrong and what to do."""


class ForGood(NodeError):
    """No use in trying again: refused, revoked, replaced, or the server's key is another."""


class Again(NodeError):
    """Not now; the node agent tries again by itself."""


class BoxSilent(Again):
    """The program in this machine's box does not answer."""


class NotAdmitted(Again):
    """Another machine of the pool has to let this one in."""


class AlreadyRunning(NodeError):
    """There is a node agent of this machine; a second has nothing to do."""
