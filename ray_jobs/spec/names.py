"""Names and other words of people: what may stand in them, and what models are called: one line of at most 100
characters, the same name whatever the case of its letters.
"""

from __future__ import annotations

import unicodedata

MODEL_NAME_LIMIT = 100

#: Control characters, halves of characters, and format characters, which make a name look like another one; the one
#: that joins the parts of an emoji is welcome.
_UNSEEN = {"Cc", "Cs", "Cf"}
_JOINER = "\u200d"
#: Written right to left, or isolated: they make a text look like another one.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def without_controls(text: str) -> str:
    """The text without control characters, but for line feeds and tabs, and without those that turn its direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        for letter in text
        if letter in "\n\t" or (unicodedata.category(letter) not in {"Cc", "Cs"} and ord(letter) not in _TURNING)
    )


def clean_name(text: str) -> str:
    """`text` without control characters and surplus spaces, cut to the limit; "" where nothing is left."""
    spaced = (" " if letter.isspace() else letter for letter in text)
    kept = "".join(letter for letter in spaced if letter == _JOINER or unicodedata.category(letter) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFC", kept).split())[:MODEL_NAME_LIMIT].rstrip()


def name_key(name: str) -> str:
    """Equal for two names that count as the same."""
    return name.casefold()


def made_name(target: str, model: str) -> str:
    """The name of a model to which nobody gave one: what it predicts and how."""
    return clean_name(f"{target}-{model}") or "model"
