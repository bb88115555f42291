"""Parameters that several entries have, and how a parameter is described to a person."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ray_jobs.spec import ParameterDescription


class Parameters(BaseModel):
    """Base of every entry's parameters: unknown names refused, no NaN. Each field has a range, a default and a
    `description`: one sentence that the chat shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Weighted(Parameters):
    """Of what can weigh classes."""

    class_weight: Literal["balanced"] | None = Field(
        default=None, description="'balanced' makes rare classes count as much as common ones; of classes only."
    )


def leaf_rows(default: int, rows: int, classes: int) -> int:
    """The least rows of a final group, where the person left it alone: a tenth of the rows at most, and half of what
    a class has on average, else a tree could not divide a small table once, or could not tell classes apart.
    """
    return min(default, max(2, rows // 10), max(2, rows // (2 * max(1, classes))))


def described_parameters(parameters: type[Parameters]) -> tuple[ParameterDescription, ...]:
    """What pydantic knows of each parameter, in the order of the fields."""
    schema = parameters.model_json_schema()
    return tuple(
        _described(name, facts, schema.get("$defs", {})) for name, facts in schema.get("properties", {}).items()
    )


def _described(name: str, facts: dict[str, Any], definitions: dict[str, Any]) -> ParameterDescription:
    kinds = [definitions[kind["$ref"].rsplit("/", 1)[1]] if "$ref" in kind else kind for kind in _kinds(facts)]
    types = {kind.get("type", "string") for kind in kinds}
    chosen = all("enum" in kind or "const" in kind or kind.get("type") == "null" for kind in kinds)
    choices = [str(value) for kind in kinds for value in kind.get("enum", [kind["const"]] if "const" in kind else [])]
    least = [kind[key] for kind in kinds for key in ("minimum", "exclusiveMinimum") if key in kind]
    most = [kind[key] for kind in kinds for key in ("maximum", "exclusiveMaximum") if key in kind]
    default = facts.get("default")
    return ParameterDescription(
        name=name,
        type="choice" if chosen else _type(types),
        default="" if default is None else _typed(default),
        sentence=facts.get("description", ""),
        least=min(least, default=None),
        most=max(most, default=None),
        choices=tuple(choices),
        optional="null" in types,
    )


def _kinds(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives that a field allows."""
    found: list[dict[str, Any]] = facts.get("anyOf", [facts])
    return found


def _type(types: set[str]) -> Literal["integer", "number", "boolean", "text", "layers"]:
    """A number that may also be one of a few words is a number with choices."""
    if "array" in types:
        return "layers"
    if "number" in types:
        return "number"
    if "integer" in types:
        return "integer"
    if "boolean" in types:
        return "boolean"
    return "text"


def _typed(default: Any) -> str:
    """As a person would type it."""
    if isinstance(default, bool):
        return "true" if default else "false"
    return f"{default:g}" if isinstance(default, float) else str(default)
