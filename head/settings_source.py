"""Where settings come from, and what is said of a wrong one: one line with the key, the trouble and a good value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from head.errors import SettingsError

PREFIX = "HAYRIDE_"
SECTION = "metadata.hayride"
#: Variables with our prefix that are no settings: where to read them, and what boxes and machines are told.
OTHER_VARIABLES = frozenset(
    {"HAYRIDE_CONFIG", "HAYRIDE_NODE_DIR", "HAYRIDE_ENVIRONMENTS", "HAYRIDE_SOCKETS", "HAYRIDE_PLACE"}
)
#: Never in a file that is copied and shown around.
_SECRET = "telegram_token"


def read_yaml(environment: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The file's name for messages, and what it says at metadata.hayride ({} where there is no file)."""
    named = environment.get("HAYRIDE_CONFIG")
    path = Path(named or "cluster.yaml")
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        if named is None:
            return path.name, {}
        raise SettingsError(f"HAYRIDE_CONFIG names {named}, and there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is not YAML: {' '.join(str(error).split())}.") from None
    for key in SECTION.split("."):
        content = content.get(key) if isinstance(content, dict) else None
    if content is None:
        return path.name, {}
    if not isinstance(content, dict):
        raise SettingsError(f"{SECTION} in {path.name} has to be a list of `key: value` lines.")
    return path.name, {str(key): value for key, value in content.items()}


def environment_values(model: type[BaseSettings]) -> dict[str, Any]:
    """What HAYRIDE_* variables say, nested as the model is."""
    return EnvSettingsSource(model)()


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Both, key by key; `upper` wins."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def read_secret(named: str) -> str:
    """The first line of the file."""
    try:
        return Path(named).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"telegram_token_file names {named}, which cannot be read: {type(error).__name__}.",
            remedy="Put the bot's token there, or set HAYRIDE_TELEGRAM_TOKEN.",
        ) from None


def check_names(model: type[BaseModel], file: str, values: Mapping[str, Any]) -> None:
    """Refuses unknown keys, with the nearest known one, and secrets."""
    known = {".".join(path) for path, _ in _fields(model)}
    for key, value in values.items():
        group = _nested(model, key)
        if group is not None and not isinstance(value, dict):
            example = next(iter(group.model_fields))
            raise SettingsError(
                f"{SECTION}.{key} in {file} has to be a list of `key: value` lines.",
                remedy=f"For example {example}: ...",
            )
        nested = value if group is not None else {}
        for path in [key, *(f"{key}.{inner}" for inner in nested)]:
            if path not in known and _nested(model, path) is None:
                hint = _nearest(path, known, "It can be left out.")
                raise SettingsError(f"{SECTION}.{path} in {file} is no setting.", remedy=hint)
    if _SECRET in values:
        raise SettingsError(
            f"{SECTION}.{_SECRET} in {file}: a secret does not belong in this file.",
            remedy="Set HAYRIDE_TELEGRAM_TOKEN, or name a file in telegram_token_file.",
        )
    if re.search(r"://[^/]*:[^/]*@", str(values.get("database_url", ""))):
        raise SettingsError(
            f"{SECTION}.database_url in {file}: a password does not belong in this file.",
            remedy="Set HAYRIDE_DATABASE_URL.",
        )


def check_variables(model: type[BaseModel], environment: Mapping[str, str]) -> None:
    """Refuses an unknown variable with our prefix: a misspelt setting must not be lost in silence."""
    known = {_variable(path) for path, _ in _fields(model)} | OTHER_VARIABLES
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(
                f"The environment variable {name} is no setting.", remedy=_nearest(name.upper(), known, "Unset it.")
            )


def explain(
    model: type[BaseModel], error: ValidationError, file: str, from_environment: Mapping[str, Any]
) -> SettingsError:
    """The first thing that is wrong, in one line. A value is never repeated: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = tuple(str(part) for part in first["loc"] if isinstance(part, str))
    trouble = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ").rstrip(".")
    if first["msg"].startswith("Input"):
        trouble = f"it should be {trouble}"
    field = dict(_fields(model)).get(path)
    if field is None:
        return SettingsError(f"{SECTION} ({file} and the environment): {trouble}.")
    variable = _variable(path)
    by_variable = path[0] in from_environment and (len(path) == 1 or path[1] in from_environment[path[0]])
    where = f"The environment variable {variable}" if by_variable else f"{SECTION}.{'.'.join(path)} in {file}"
    example = f"{variable}={field.examples[0]}" if by_variable and field.examples else ""
    if not example and field.examples:
        example = f"{path[-1]}: {field.examples[0]}"
    return SettingsError(f"{where}: {trouble}.", remedy=f"For example {example}." if example else "")


def _fields(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = _nested(model, name)
        if inner is None:
            yield (name,), field
        else:
            yield from (((name, below), deeper) for below, deeper in inner.model_fields.items())


def _nested(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _variable(path: tuple[str, ...]) -> str:
    return PREFIX + "_".join(path).upper()


def _nearest(name: str, known: set[str], otherwise: str) -> str:
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else otherwise
