"""Reads a systemd unit back as systemd does: sections, repeated keys, quoting, specifiers and escaped dollars."""

from __future__ import annotations

import re
from collections import defaultdict


def read_unit(text: str) -> dict[str, dict[str, list[str]]]:
    """Section -> key -> values, in order."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in text.split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            sections[section][key].append(value)
    return sections


def words(value: str) -> list[str]:
    """The words of a value; quotes, C escapes and %% undone."""
    found = []
    for quoted, bare in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value):
        word = re.sub(r"\\x([0-9a-f]{2})|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], quoted) or bare
        assert not re.search(r"(?<!%)(?:%%)*%(?!%)", word), f"a specifier in {word}"
        found.append(word.replace("%%", "%"))
    return found


def command(unit: dict[str, dict[str, list[str]]]) -> list[str]:
    """ExecStart, as it is executed."""
    (value,) = unit["Service"]["ExecStart"]
    program, *arguments = words(value)
    return [program, *(argument.replace("$$", "$") for argument in arguments)]


def environment(unit: dict[str, dict[str, list[str]]]) -> dict[str, str]:
    pairs = [word.partition("=") for value in unit["Service"]["Environment"] for word in words(value)]
    return {name: value for name, _, value in pairs}
