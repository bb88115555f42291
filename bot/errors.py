"""An error as a person is told it, and under the same id as the log has it."""

from __future__ import annotations

import logging
import secrets

from bot import words
from bot.html import Html
from head.api import HayrideError

logger = logging.getLogger(__name__)


def told(error: HayrideError) -> Html:
    """Three lines; with an id where a cause hides behind the error, which only the log tells."""
    if error.__cause__ is None:  # an expected no, as of a machine that looked and refused
        return words.error(error)
    id = secrets.token_hex(4)
    logger.warning("id %s: %s", id, error, exc_info=error)
    return words.error(error, id=id)


def bug(error: Exception) -> Html:
    """An error that nobody foresaw."""
    id = secrets.token_hex(4)
    logger.error("id %s: a bug", id, exc_info=error)
    return words.bug(id)
