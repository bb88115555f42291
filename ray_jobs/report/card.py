"""The model card: one HTML file that can be sent to a colleague. Nothing in it is fetched, and nothing runs."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ray_jobs.evaluation import ClassScore
from ray_jobs.report import card_making, card_results
from ray_jobs.report.elements import Element, element, name, paragraph, section, written
from ray_jobs.report.facts import CardFacts, model_title
from ray_jobs.report.letters import plain
from ray_jobs.report.style import STYLE
from ray_jobs.report.verdict import verdict
from ray_jobs.spec import TrainResult

#: Bytes of the whole card. Pictures that would go beyond it are left out, the least telling first.
MOST_BYTES = 2_000_000
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_CAPTIONS = {
    "confusion.png": "Rows of squares are true classes, columns what they were taken for. Darker: a larger share.",
    "importance.png": "How much worse the model gets when a column's values are mixed up among the rows.",
    "roc.png": "The further to the upper left a curve runs, the better the class is told apart.",
    "precision-recall.png": "Finding more of a rare class costs more false alarms; the dashed line is guessing.",
    "calibration.png": "On the dashed line, a chance of 80 % comes true in 80 of 100 rows. Bars: what chance may do.",
    "predicted.png": "Each point is a held-out row; on the line the prediction is exactly right.",
    "residuals.png": "Above, how the errors are spread; below, whether they grow with the prediction.",
}


def model_card(facts: CardFacts) -> str:
    """The whole HTML file: no script, no address of anything outside it, under 2 MB."""
    found = facts.evaluation.classified if facts.evaluation else None
    measured = facts.evaluation.measured if facts.evaluation else None
    scores: tuple[ClassScore, ...] = found.per_class if found else ()
    pictures = section("Pictures")
    parts = [
        _head(facts.result),
        card_results.numbers(facts.result),
        card_making.warnings(facts),
        card_results.classes(scores),
        card_results.errors(measured) if measured else None,
        card_results.threshold(found.threshold, found.names) if found and found.threshold else None,
        pictures,
        card_making.limits(facts, scores),
        card_making.using(facts),
        card_making.making(facts),
        card_making.leaderboard(facts),
        card_making.columns(facts),
    ]
    body = element("body", *(part for part in parts if part is not None), element("footer", "Made by Hayride."))
    root = element("html", _document_head(facts.result), body, lang="en")
    room = MOST_BYTES - len(written(root).encode())
    for picture in _pictures(facts):
        room -= len(written(picture).encode())
        if room > 0:
            pictures.append(picture)
    if len(pictures) == 1:
        body.remove(pictures)
    return written(root)


def _document_head(result: TrainResult) -> Element:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Model card: {_title(result)}"),
        element("style", STYLE),
    )


def _head(result: TrainResult) -> Element:
    version = f", version {result.version}" if result.name else ""
    what = "a number" if result.task == "regression" else _one_of(result.classes)
    return element(
        "header",
        element("p", f"Model card{version}", class_="quiet"),
        element("h1", name(_title(result))),
        element(
            "p",
            "It predicts ",
            name(result.target, 80),
            f" ({what}) from {_columns(len(result.features))}. Model: {plain(model_title(result.model))}.",
        ),
        element("div", *(paragraph(sentence) for sentence in verdict(result)), class_="verdict"),
    )


def _pictures(facts: CardFacts) -> Iterator[Element]:
    for file in facts.result.pictures if facts.folder else ():
        path = facts.folder / file if facts.folder else None
        if path is None or path.parent != facts.folder or not path.is_file() or path.stat().st_size > MOST_BYTES:
            continue
        source = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
        caption = _CAPTIONS.get(file, "")
        image = element("img", src=source, alt=caption or plain(file))
        yield element("figure", image, element("figcaption", caption))


def _title(result: TrainResult) -> str:
    return plain(result.name, 80) or plain(result.target, 80) or "a model"


def _one_of(classes: tuple[str, ...]) -> str:
    if len(classes) == 2:
        return f"{plain(classes[0], 40)} or {plain(classes[1], 40)}"
    return f"one of {len(classes)} classes"


def _columns(count: int) -> str:
    return "one column" if count == 1 else f"{count:,} columns"
