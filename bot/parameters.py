"""A model's parameters as they stand in a form: all of them with their values, and what was typed or pasted."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from bot import form_settings
from bot.arguments import quoted, value
from bot.form import Trouble
from bot.form_settings import NotUsable
from bot.html import clip, fill
from bot.results import model_title
from head.api import CATALOGUE, Parameter, ParameterDescription

_Named = Annotated[str, Field(min_length=1, max_length=256)]
_GIVEN: TypeAdapter[dict[str, Parameter]] = TypeAdapter(Annotated[dict[_Named, Parameter], Field(max_length=50)])


def known(model: str) -> dict[str, ParameterDescription]:
    """In the catalogue's order."""
    return {each.name: each for entry in CATALOGUE if entry.name == model for each in entry.parameters}


def as_typed(model: str, given: dict[str, Parameter]) -> str:
    """All of the model's parameters as a line that can be typed: what was given, else the default."""
    values = {each.name: each.default or "none" for each in known(model).values()}
    values |= {name: shown(each) for name, each in given.items()}
    return " ".join(f"{name}={quoted(each)}" for name, each in values.items())


def shown(given: Parameter) -> str:
    """As bot.arguments reads it."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list) and all(isinstance(part, int) for part in given):
        return ",".join(str(part) for part in given) if len(given) > 1 else str(given)
    if isinstance(given, list):
        return json.dumps(given, ensure_ascii=False)
    return "none" if given is None else str(given)


def typed(options: dict[str, str]) -> dict[str, Parameter]:
    """Each as it was meant. Raises NotUsable for what no model takes: too long, too large."""
    found: dict[str, Parameter] = {}
    for name, given in options.items():
        try:
            found |= _GIVEN.validate_python({name: value(given)})
        except ValidationError:
            happened = fill("{name}={given} cannot be used.", name=clip(name, 60), given=clip(given, 60))
            raise NotUsable(form_settings.trouble(happened, fill("It is too long, or too large."))) from None
    return found


def strange(model: str, given: dict[str, Parameter]) -> Trouble | None:
    """A trouble where the model has no parameter of a name."""
    names = list(known(model))
    unknown = next((name for name in given if name not in names), None)
    if unknown is None:
        return None
    title, name = model_title(model), clip(unknown, 60)
    happened = fill("{model} has no setting {name}.", model=title, name=name)
    if not names:
        return form_settings.trouble(happened, fill("Choose a model first, or take it away: {name}=", name=name))
    near = ", ".join(get_close_matches(unknown, names, n=3) or names[:6])
    return form_settings.trouble(happened, fill("It has: {names}. Take it away by {name}=", names=near, name=name))


def pasted(text: str) -> dict[str, Parameter]:
    """From a JSON object. Raises NotUsable."""
    try:
        return _GIVEN.validate_json(text)
    except ValidationError:
        like = fill("A good one looks like {example}", example='{"max_depth": 6}')
        raise NotUsable(form_settings.trouble(fill("That is no JSON object of parameters."), like)) from None
