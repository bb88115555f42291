"""The one error of this package that may be shown to a person."""

from __future__ import annotations


class SealError(Exception):
    """No box can be made here, or what was asked for does not belong in one.

    `message` says what and why in one sentence, `remedy` what to do; neither holds a secret.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
