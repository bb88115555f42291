"""Errors that may be shown to a person. The tree:

    HayrideError            may be shown; anything else is a bug and gets an id instead
    ├── SettingsError       cluster.yaml or the environment
    ├── SealingError        no box can be made here
    ├── RefusedError        the request is understood and declined
    │   ├── JoinRefused     join token used, expired, invented; joining switched off
    │   ├── TunnelRefused   unknown machine, wrong key
    │   ├── JobRefused      a limit, a stale id, a machine that is away
    │   └── NotFoundError   no such thing *of yours*; another person's thing is the same to you
    ├── NotAdmitted         a machine that waits for `hayride-node admit` on another
    ├── DataRefused         the machine looked at the file and said no; carries ray_jobs' Problem
    └── PoolUnavailable     the pool's box does not answer

A message is one English sentence that says what and why; `remedy` says what to do. Neither holds a secret
or a path of the server.
"""

from __future__ import annotations

from typing import ClassVar

from ray_jobs.spec import Problem


class HayrideError(Exception):
    """May be shown to a person as it is."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(HayrideError):
    """cluster.yaml or the environment holds something that cannot be used."""

    code = "settings"


class SealingError(HayrideError):
    """This system cannot make a box."""

    code = "sealing"


class RefusedError(HayrideError):
    """The request was understood and declined."""

    code = "refused"


class JoinRefused(RefusedError):
    """A join token that is used, expired or invented, or joining is switched off."""

    code = "join_refused"


class TunnelRefused(RefusedError):
    """An unknown or revoked machine, or a signature by a key that is not the machine's."""

    code = "tunnel_refused"


class NotAdmitted(HayrideError):
    """A machine that waits until another machine of its pool lets it in."""

    code = "not_admitted"


class JobRefused(RefusedError):
    """The job cannot be started or changed as asked."""

    code = "job_refused"


class NotFoundError(RefusedError):
    """No such thing of this person's."""

    code = "not_found"


class DataRefused(HayrideError):
    """The machine looked at the file and refused it."""

    code = "data_refused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class PoolUnavailable(HayrideError):
    """The pool's box does not answer, or not in time."""

    code = "pool_unavailable"
