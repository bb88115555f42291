"""Settings as they are typed into a form: `limit=30m sheet=2024`. Each says how it is read and what a good one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from bot import words
from bot.arguments import seconds, value
from bot.form import Trouble
from bot.html import Html, clip, fill
from head.api import OutputFormat


@dataclass(frozen=True)
class Setting:
    field: str  #: of the form
    read: Callable[[str], object]  #: None for what cannot be used
    example: str


class NotUsable(Exception):
    """A value that cannot be used."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble


def read(settings: Mapping[str, Setting], options: Mapping[str, str]) -> dict[str, object]:
    """What changes in the form; None where an empty value takes a setting away. Options of other names are passed over.
    Raises NotUsable.
    """
    changes: dict[str, object] = {}
    for name, given in options.items():
        if name not in settings:
            continue
        setting = settings[name]
        changes[setting.field] = setting.read(given)
        if changes[setting.field] is None and given:
            happened = fill("{name}={given} cannot be used.", name=name, given=clip(given, 60))
            raise NotUsable(trouble(happened, fill("A good one looks like {example}", example=setting.example)))
    return changes


def trouble(happened: Html, remedy: Html) -> Trouble:
    return Trouble(field="settings", html=words.three(happened, fill("The form keeps what it had."), remedy))


def _limit(given: str) -> int | None:
    limit = seconds(given)
    return limit if limit is not None and 1 <= limit <= 7 * 86400 else None


def _how_split(given: str) -> str | None:
    """`time:sold_on`, `group:customer` or `file:~/hayride/test.csv`."""
    kind, _, rest = given.partition(":")
    return f"{kind}:{rest.strip()}" if kind in ("time", "group", "file") and 0 < len(rest.strip()) <= 256 else None


def _fold_count(given: str) -> int | None:
    count = _whole(given, 0, 20)
    return count if count != 1 else None


def _whole(given: str, least: int, most: int) -> int | None:
    plain = given.isascii() and given.isdigit() and len(given) <= 10
    return int(given) if plain and least <= int(given) <= most else None


def _budget(given: str) -> int | None:
    budget = _limit(given)
    return budget if budget is not None and 5 <= budget <= 86400 else None


def _names(given: str) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in given.split(",") if name.strip()) or None


def _up_to(most: int) -> Callable[[str], str | None]:
    return lambda given: given.strip() if 0 < len(given.strip()) <= most else None


def _number(given: str) -> float | None:
    number = value(given.removesuffix("%"))
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        return number / 100 if given.endswith("%") else float(number)
    except OverflowError:
        return None


def _fraction(most: float) -> Callable[[str], float | None]:
    """Above 0 and below `most`, or as a percentage."""

    def read_it(given: str) -> float | None:
        number = _number(given)
        return number if number is not None and 0 < number < most else None

    return read_it


def _one_of(*known: str) -> Callable[[str], str | None]:
    """Also the beginning of one."""
    return lambda given: next((one for one in known if given and one.startswith(given.lower())), None)


_FORMATS: tuple[str, ...] = get_args(OutputFormat)
_LIMIT = Setting("time_limit", _limit, "limit=30m")
_SHEET = Setting("sheet", _up_to(256), "sheet=2024")
_TEST = Setting("test_fraction", _fraction(0.9), "test=0.2")

TRAIN: Mapping[str, Setting] = {
    "test": _TEST,
    "test_fraction": _TEST,
    "limit": _LIMIT,
    "time_limit": _LIMIT,
    "sheet": _SHEET,
    "split": Setting(
        "split", _how_split, "split=time:sold_on or split=group:customer or split=file:~/hayride/test.csv"
    ),
    "folds": Setting("folds", _fold_count, "folds=5"),
    "budget": Setting("budget", _budget, "budget=5m"),
    "include": Setting("include", _names, "include=age,price_*"),
    "exclude": Setting("exclude", _names, "exclude=id,notes"),
    "name": Setting("name", lambda given: given.strip()[:100] or None, 'name="my churn"'),
    "seed": Setting("seed", lambda given: _whole(given, 0, 2**31 - 1), "seed=1"),
    "task": Setting("task", _one_of("classification", "regression"), "task=regression"),
    "then": Setting("then", _up_to(4096), "then=~/hayride/new.csv"),
}

PREDICT: Mapping[str, Setting] = {
    "limit": _LIMIT,
    "time_limit": _LIMIT,
    "sheet": _SHEET,
    "output": Setting(
        "output",
        lambda given: given.lower() if given.lower() in _FORMATS else None,
        f"output=xlsx (one of {', '.join(_FORMATS)})",
    ),
    "reasons": Setting("reasons", lambda given: _whole(given, 0, 5), "reasons=3"),
    "threshold": Setting("threshold", _fraction(1.0), "threshold=0.4"),
}
