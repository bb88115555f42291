"""HTML as a tree, so that nothing is written that was not escaped: names come from files and may be anything."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from ray_jobs.report.letters import label

Element = ElementTree.Element


def element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An element; text among `children` stays text. `class_` is the attribute class."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                made.text = (made.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        else:
            made.append(child)
            last = child
    return made


def name(text: str, limit: int = 256) -> Element:
    """A name from a file, kept apart from the text around it whichever way it is read."""
    return element("bdi", label(text, limit))


def paragraph(*children: Element | str) -> Element:
    return element("p", *children)


def listing(items: Iterable[Element | str]) -> Element:
    return element("ul", *(element("li", item) for item in items))


def section(title: str, *children: Element | None) -> Element:
    return element("section", element("h2", title), *(child for child in children if child is not None))


def table(head: Iterable[str], rows: Iterable[Iterable[Element | str]]) -> Element:
    """The first column names the row; the others are numbers or notes."""
    heads = element("tr", *(element("th", title, scope="col") for title in head))
    body = []
    for row in rows:
        first, *rest = row
        body.append(element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in rest)))
    whole = element("table", element("thead", heads), element("tbody", *body))
    return element("div", whole, class_="wide")


def facts(pairs: Iterable[tuple[str, Element | str]]) -> Element:
    """Terms and what they are."""
    return element("dl", *(part for term, value in pairs for part in (element("dt", term), element("dd", value))))


def written(root: Element) -> str:
    return "<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"
