"""A person's models by what they are called: a name, a name and a version ("churn v2"), or an id."""

from __future__ import annotations

from collections.abc import Sequence

from bot.html import clip
from head.api import ModelView

#: The newest of a person's models, which are looked through.
SEARCHED = 200


def called(model: ModelView, limit: int = 60) -> str:
    """The name, cut to `limit`, and the version."""
    return f"{clip(model.name, limit)} v{model.version}"


def find(models: Sequence[ModelView], text: str) -> ModelView | None:
    """By id, by name and version, or the newest version of a name; the case of letters does not matter."""
    wanted = " ".join(text.split()).casefold()
    for model in models:
        if wanted in (model.id, f"{model.name} v{model.version}".casefold()):
            return model
    named = [model for model in models if model.name.casefold() == wanted]
    return max(named, key=lambda model: model.version, default=None)


def first_of(models: Sequence[ModelView], words: Sequence[str]) -> tuple[ModelView | None, tuple[str, ...]]:
    """The model that the first words name, as many of them as possible, and the words after them."""
    for count in range(len(words), 0, -1):
        found = find(models, " ".join(words[:count]))
        if found is not None:
            return found, tuple(words[count:])
    return None, tuple(words)


def last_of(models: Sequence[ModelView], words: Sequence[str]) -> tuple[ModelView | None, tuple[str, ...]]:
    """The model that the last words name, and the words before them."""
    for count in range(len(words)):
        found = find(models, " ".join(words[count:]))
        if found is not None:
            return found, tuple(words[:count])
    return None, tuple(words)
