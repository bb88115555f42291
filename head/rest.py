"""What a person says of a machine that should begin no more jobs."""

from enum import StrEnum


class Rest(StrEnum):
    """Whether its person lets jobs begin on a machine; what runs there goes on in any case."""

    NONE = ""
    PAUSED = "paused"
    LEAVING = "leaving"  #: once nothing runs there it is revoked
