"""As much of XML Schema as tests/support/task.xsd needs: order, what is required, unknown names, values."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

_XS = "{http://www.w3.org/2001/XMLSchema}"
_PATTERNS = {
    "boolean": r"true|false|0|1",
    "duration": r"-?P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?",
    "byte": r"-?\d{1,3}",
    "unsignedByte": r"\d{1,3}",
    "ID": r"[A-Za-z_][\w.-]*",
    "IDREF": r"[A-Za-z_][\w.-]*",
    "string": r"(?s).*",
}
_SECONDS = {"Y": 365 * 86400, "D": 86400, "H": 3600, "S": 1}


class Schema:
    def __init__(self, path: Path) -> None:
        self._root = ET.parse(path).getroot()
        self._space = self._root.get("targetNamespace")
        self._types = {each.get("name"): each for each in self._root if each.tag != f"{_XS}element"}

    def problems(self, root: ET.Element) -> list[str]:
        """What is wrong with a document; nothing for a valid one."""
        (top,) = self._root.findall(f"{_XS}element")
        if root.tag != f"{{{self._space}}}{top.get('name')}":
            return [f"the root is {root.tag}"]
        ids = {each.get("id") for each in root.iter()}
        lost = [each.tag for each in root.iter() if each.get("Context") not in {None, *ids}]
        return self._element(root, top.get("type", ""), "") + [f"{tag}: Context names no id" for tag in lost]

    def _element(self, element: ET.Element, kind: str, where: str) -> list[str]:
        declared = self._types.get(kind)
        where = f"{where}/{element.tag.partition('}')[2]}"
        if declared is None or declared.tag == f"{_XS}simpleType":
            wrong = [f"{where} has attributes"] if element.attrib or len(element) else []
            return wrong + self._value(element.text or "", kind, where)
        return self._attributes(element, declared, where) + self._children(element, declared, where)

    def _attributes(self, element: ET.Element, declared: ET.Element, where: str) -> list[str]:
        known = {each.get("name"): each for each in declared.findall(f"{_XS}attribute")}
        problems = [f"{where} has no attribute {name}" for name in element.attrib if name not in known]
        for name in element.attrib.keys() & known.keys():
            value, rule = element.attrib[str(name)], known[name]
            if rule.get("fixed", value) != value:
                problems.append(f"{where}@{name} is {value}")
            problems += self._value(value, rule.get("type", ""), f"{where}@{name}")
        return problems

    def _children(self, element: ET.Element, declared: ET.Element, where: str) -> list[str]:
        (model,) = [each for each in declared if each.tag in (f"{_XS}all", f"{_XS}sequence")]
        rules = {f"{{{self._space}}}{each.get('name')}": each for each in model}
        found = [child.tag for child in element]
        problems = [f"{where} holds {tag}" for tag in found if tag not in rules]
        problems += [f"{where} holds {tag} twice" for tag in set(found) if found.count(tag) > 1]
        problems += [
            f"{where} lacks {tag}" for tag, rule in rules.items() if rule.get("minOccurs") != "0" and tag not in found
        ]
        if model.tag == f"{_XS}sequence" and [tag for tag in rules if tag in found] != found:
            problems.append(f"{where} has another order: {found}")
        for child in element:
            if child.tag in rules:
                problems += self._element(child, rules[child.tag].get("type", ""), where)
        return problems

    def _value(self, value: str, kind: str, where: str) -> list[str]:
        if kind.startswith("xs:"):
            right = re.fullmatch(_PATTERNS[kind.removeprefix("xs:")], value)
            return [] if right else [f"{where}: {value!r} is no {kind}"]
        (restriction,) = self._types[kind]
        problems = self._value(value, restriction.get("base", ""), where)
        choices = [each.get("value") for each in restriction if each.tag == f"{_XS}enumeration"]
        if choices and value not in choices:
            problems.append(f"{where}: {value!r} is none of {choices}")
        for facet in restriction:
            if not problems and not _holds(facet.tag.removeprefix(_XS), facet.get("value", ""), value):
                problems.append(f"{where}: {value!r} breaks {facet.tag.removeprefix(_XS)} {facet.get('value')}")
        return problems


def _holds(facet: str, bound: str, value: str) -> bool:
    match facet:
        case "minLength":
            return len(value) >= int(bound)
        case "maxLength":
            return len(value) <= int(bound)
        case "pattern":
            return re.fullmatch(bound, value) is not None
        case "minInclusive":
            return _number(value) >= _number(bound)
        case "maxInclusive":
            return _number(value) <= _number(bound)
    return facet == "enumeration"


def _number(text: str) -> int:
    if "P" not in text:
        return int(text)
    days, _, hours = text.partition("T")
    seconds = sum(int(n) * _SECONDS.get(unit, 30 * 86400) for n, unit in re.findall(r"(\d+)([YMD])", days))
    return seconds + sum(int(n) * {"M": 60, **_SECONDS}[unit] for n, unit in re.findall(r"(\d+)([HMS])", hours))
