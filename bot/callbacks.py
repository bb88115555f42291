"""What a button carries: `verb:id:revision`, and for one of several choices `verb:id:revision:choice`.

Telegram hands back at most 64 bytes, and hands back whatever a client invents, so reading is as strict as writing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LIMIT = 64

_PACKED = re.compile(r"([a-z]+):([a-z0-9-]{0,40}):([0-9]{1,9})(?::([a-z0-9_]{1,40}))?", re.ASCII)


class Verb(StrEnum):
    """Everything that a button can mean."""

    OPEN = "open"  #: a screen; id: its command
    PAGE = "page"  #: a page of a list; id: its command, or command-what for a part of it; choice: the offset
    ASK = "ask"  #: a stranger asks for access
    ALLOW = "allow"  #: an admin lets a person in; id: the person
    REFUSE = "refuse"  #: an admin does not
    USER = "user"  #: id: a person to show to an admin
    OUST = "oust"  #: id: a person to remove; asks first
    REMOVE = "remove"  #: id: a person; was asked about before
    SLEEP = "sleep"  #: id: a pool to put to sleep
    RUN = "run"  #: id: a draft
    EDIT = "edit"  #: id: a draft, choice: the field to fill in; "form" for none
    PICK = "pick"  #: id: a draft, choice: the number of the answer, or the answer
    BROWSE = "browse"  #: id: a draft, choice: the number of an entry, or one of the ways of bot.browser
    DROP = "drop"  #: id: a draft to throw away
    RESUME = "resume"  #: id: a draft that was set aside
    SAVE = "save"  #: id: a draft to keep as a template
    LAST = "last"  #: id: a blank draft, to be filled in as the last one that ran
    TEMPLATE = "template"  #: id: a template, choice: what to do with it
    SET = "set"  #: id: one of the settings, choice: its value
    DISCONNECT = "disconnect"  #: choice: "yes" once it was asked about
    USE = "use"  #: id: the draft of a sent file, choice: what to do with it
    JOB = "job"  #: id: a job to show
    STOP = "stop"  #: id: a job to cancel
    DETAILS = "details"  #: id: a job, all that is known of it
    AGAIN = "again"  #: id: a job whose form to fill in once more
    LEARN = "learn"  #: id: a job that looked at a table, to train on that
    RETRY = "retry"  #: id: a job without a result, to be run as it was; revision: its own
    DASHBOARD = "dashboard"  #: id: a job whose task to show there
    LOSSES = "losses"  #: id: a network's training, to draw
    MODEL = "model"  #: id: a model to predict with
    COMPARE = "compare"  #: id: a model, choice: the beginning of another one's id; "" asks which
    CARD = "card"  #: id: a model to write a card of
    DELETE = "delete"  #: id: a model; was asked about before
    MACHINE = "machine"  #: id: a machine to show
    TEST = "test"  #: id: a machine to run a test job on, revision: of when it was offered
    REST = "rest"  #: id: a machine, choice: one of bot.screens.worker.RESTS
    DRAIN = "drain"  #: id: a machine that is to leave when its jobs have ended; asks first
    DOUBT = "doubt"  #: id: a machine to revoke; asks first
    REVOKE = "revoke"  #: id: a machine


class BadCallback(ValueError):
    """Not a callback that we would have made."""


@dataclass(frozen=True, kw_only=True)
class Callback:
    verb: Verb
    id: str = ""
    revision: int = 0
    choice: str = ""

    def pack(self) -> str:
        """The text for the button. Raises BadCallback where it could not be read back."""
        parts = [self.verb.value, self.id, str(self.revision), *([self.choice] if self.choice else [])]
        packed = ":".join(parts)
        if len(packed.encode()) > LIMIT or not _PACKED.fullmatch(packed):
            raise BadCallback(f"cannot be packed: {packed!r}")
        return packed


def pack(verb: Verb, id: str = "", revision: int = 0, choice: str = "") -> str:
    """Shorthand for `Callback(...).pack()`."""
    return Callback(verb=verb, id=id, revision=revision, choice=choice).pack()


def unpack(packed: str) -> Callback:
    """The callback that was packed. Raises BadCallback for anything else."""
    match = _PACKED.fullmatch(packed) if len(packed.encode(errors="replace")) <= LIMIT else None
    if match is None:
        raise BadCallback(f"not a callback: {packed!r}")
    verb, id, revision, choice = match.groups()
    try:
        return Callback(verb=Verb(verb), id=id, revision=int(revision), choice=choice or "")
    except ValueError as error:
        raise BadCallback(f"unknown verb: {packed!r}") from error
