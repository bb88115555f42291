"""A form without what is one person's: names instead of ids. It is what a template keeps, and it travels as a text.

The text is a mark, a version, and packed JSON; whoever imports one may have been sent anything, so reading is strict.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.language import N_
from bot.typed_rows import as_typed
from head.api import (
    AUTO,
    TEMPLATE_NAME_LIMIT,
    FileSplit,
    GroupSplit,
    OutputFormat,
    Parameter,
    PathData,
    PredictSpec,
    ProfileSpec,
    RowsData,
    Split,
    Task,
    TimeSplit,
    TrainSpec,
    UploadData,
)

#: A text that begins with this is a template, whatever was asked for.
MARK = "hayride-template:"
_VERSION = "1"
#: Characters of the text: it has to fit into one message, with room for a line above it.
TEXT_LIMIT = 3600
#: Bytes that a text may unpack to.
_UNPACKED = 64 * 1024

_Name = Annotated[str, Field(max_length=512)]
_Path = Annotated[str, Field(max_length=4096)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=1000)]
_Seconds = Annotated[int, Field(ge=1, le=7 * 86400)]


class _Recipe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    data: _Path = ""  #: a path, or the name of a file that was sent
    sheet: str = Field(default="", max_length=256)
    time_limit: _Seconds


class TrainRecipe(_Recipe):
    kind: Literal["train"] = "train"
    machine: _Name = ""
    target: _Name = ""
    model: _Name
    task: Task | None = None
    parameters: Annotated[dict[_Name, Parameter], Field(max_length=50)] = {}
    test_fraction: float = Field(default=0.25, gt=0, lt=0.9)
    split: str = Field(default="", max_length=600, pattern=r"^(|(time|group|file):.+)$")
    folds: int = Field(default=0, ge=0, le=20)
    budget: int = Field(default=120, ge=5, le=86400)
    include: _Names = ()
    exclude: _Names = ()
    name: str = Field(default="", max_length=100)
    seed: int = Field(default=0, ge=0, lt=2**31)
    then: _Path = ""


class PredictRecipe(_Recipe):
    kind: Literal["predict"] = "predict"
    model: _Name = ""  #: name and version
    output: OutputFormat = "same"
    reasons: int = Field(default=0, ge=0, le=5)
    threshold: float | None = Field(default=None, gt=0, lt=1)


Recipe = Annotated[TrainRecipe | PredictRecipe, Field(discriminator="kind")]
_RECIPE: TypeAdapter[TrainRecipe | PredictRecipe] = TypeAdapter(Recipe)


class Shared(BaseModel):
    """What travels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=TEMPLATE_NAME_LIMIT)
    recipe: Recipe


class BadText(ValueError):
    """Not a template's text, a damaged one, or one of another version. The message is for people."""


def to_fields(recipe: TrainRecipe | PredictRecipe) -> dict[str, object]:
    """What differs from the defaults, as JSON."""
    return {"kind": recipe.kind, **recipe.model_dump(mode="json", exclude_defaults=True)}


def from_fields(fields: dict[str, object]) -> TrainRecipe | PredictRecipe:
    """Raises ValidationError."""
    return _RECIPE.validate_json(json.dumps(fields))


def of_job(spec: TrainSpec | PredictSpec, *, machine: str, then: str) -> TrainRecipe | PredictRecipe:
    """What a job was asked for. Raises ValidationError for what no form holds."""
    data = spec.data
    if isinstance(spec, PredictSpec):
        path, sheet = (as_typed(data), "") if isinstance(data, RowsData) else (_named(data), data.sheet)
        kept = spec.model_dump(include={"output", "reasons", "threshold", "time_limit"})
        return PredictRecipe(data=path, sheet=sheet, model=spec.model_id, **kept)
    kept = spec.model_dump(include=set(TrainRecipe.model_fields) & set(TrainSpec.model_fields) - {"kind", "data"})
    split = _split(spec.split)
    where = {"data": _named(spec.data), "sheet": spec.data.sheet, "machine": machine}
    return TrainRecipe.model_validate({**kept, **split, **where, "then": then})


def of_table(spec: ProfileSpec, *, machine: str, time_limit: int) -> TrainRecipe:
    """A training on a table that was looked at."""
    data, target = spec.data, spec.target or ""
    return TrainRecipe(
        data=_named(data), sheet=data.sheet, machine=machine, target=target, model=AUTO, time_limit=time_limit
    )


def _split(split: Split) -> dict[str, object]:
    if isinstance(split, FileSplit):
        plain = isinstance(split.data, PathData) and not split.data.sheet
        return {"split": f"file:{_named(split.data)}" if plain else split.kind}  # no form holds the other ones
    column = f"{split.kind}:{split.column}" if isinstance(split, TimeSplit | GroupSplit) else ""
    return {"split": column, "test_fraction": split.test_fraction}


def _named(data: PathData | UploadData) -> str:
    return data.path if isinstance(data, PathData) else data.name


def packed(name: str, recipe: TrainRecipe | PredictRecipe) -> str:
    """The text that can be sent to another person. Raises BadText where it would not fit into one message."""
    content = json.dumps({"name": name, "recipe": to_fields(recipe)}, ensure_ascii=False, separators=(",", ":"))
    coded = base64.urlsafe_b64encode(zlib.compress(content.encode(errors="replace"), 9)).decode().rstrip("=")
    text = f"{MARK}{_VERSION}:{coded}"
    if len(text) > TEXT_LIMIT:
        raise BadText(N_("This template is too long to be sent as one message."))
    return text


def unpacked(text: str) -> Shared:
    """The template in a text that somebody sent. Raises BadText."""
    version, _, coded = "".join(text.split()).removeprefix(MARK).partition(":")
    if version != _VERSION:
        raise BadText(N_("That template comes from another version of Hayride, or is not whole."))
    try:
        content = _inflated(base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True))
        return Shared.model_validate_json(content)
    except (ValueError, zlib.error) as error:
        raise BadText(N_("That text is not a whole template.")) from error


def _inflated(packed: bytes) -> bytes:
    """Bounded, since a few bytes can unpack to gigabytes."""
    opened = zlib.decompressobj()
    content = opened.decompress(packed, _UNPACKED)
    if not opened.eof:
        raise zlib.error("not whole, or too large")
    return content
