"""What stands behind a command: words, and `key=value` options. Forgiving, since it is typed with a thumb.

A quote opens only at the beginning of a word, a key or a value, so `O'Brien.csv` is a word, and the curly quotes of
phones count. A quoted word is no option: `"a=b"` is a column's name; a quoted key is one: `"mean radius"=17.9`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from head.api import Parameter

_OBJECTS: TypeAdapter[Parameter] = TypeAdapter(Parameter)

_KEY = re.compile(r"([^\W\d][\w.-]*)=")
_CLOSING = {'"': '"', "'": "'", "\u201c": "\u201d", "\u201e": "\u201c", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, None: 1}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    words: tuple[str, ...]
    options: dict[str, str]


def parse(text: str) -> Arguments:
    """Words and options in the order typed; of an option given twice the last counts."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = text.strip()
    while rest:
        key, behind = _key(rest)
        if key:
            options[key], rest = _word(behind)
        else:
            word, rest = _word(rest)
            words.append(word)
        rest = rest.lstrip()
    return Arguments(words=tuple(words), options=options)


def _key(text: str) -> tuple[str, str]:
    """The key that the text begins with, and what stands behind its `=`; "" for none."""
    closing = _CLOSING.get(text[:1])
    if closing is None:
        plain = _KEY.match(text)
        return (plain[1], text[plain.end() :]) if plain is not None else ("", text)
    end = text.find(f"{closing}=", 2)
    inside = text[1:end]
    return (inside, text[end + 2 :]) if end > 0 and closing not in inside else ("", text)


def quoted(text: str) -> str:
    """The text as it is typed to be one word and no option."""
    if text and not re.search(r"[\s='\"]", text) and text[0] not in _CLOSING:
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'


def unquote(text: str) -> str:
    """The text without the quotes around all of it."""
    text = text.strip()
    word, rest = _word(text) if text[:1] in _CLOSING else (text, "")
    return text if rest.strip() else word


def _word(text: str) -> tuple[str, str]:
    """The first word of the text and what follows it."""
    closing = _CLOSING.get(text[:1])
    if closing is not None:
        end = re.search(re.escape(closing) + r"(?=\s|$)", text[1:])
        if end is not None:
            return text[1 : end.start() + 1], text[end.end() + 1 :]
    head = re.match(r"\S*", text)
    word = head[0] if head is not None else ""
    return word, text[len(word) :]


def value(text: str) -> Parameter:
    """A parameter's value as it was meant: number, yes or no, nothing, a list of whole numbers or, in JSON, of objects,
    else the text.
    """
    lower = text.lower()
    if lower in {"true", "yes"}:
        return True
    if lower in {"false", "no"}:
        return False
    if lower in {"none", "null"}:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if re.fullmatch(r"\[?\s*\d+(\s*,\s*\d+)*\s*,?\s*\]?", text):
        return [int(part) for part in re.findall(r"\d+", text)]
    if re.match(r"\[\s*\{", text):
        try:
            return _OBJECTS.validate_json(text)
        except ValidationError:
            return text
    return text


def seconds(text: str) -> int | None:
    """`600`, `10m`, `2h` in seconds; None for what is no duration."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or len(match[1]) > 12:
        return None
    return round(float(match[1]) * _SECONDS[match[2]])
