"""The model card's second half: how the model was made, what it needs, where it ends, how to use it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from ray_jobs.evaluation import ClassScore
from ray_jobs.report.elements import Element, element, facts, listing, name, paragraph, section, table
from ray_jobs.report.facts import CardFacts, model_title
from ray_jobs.report.letters import plain
from ray_jobs.report.numbers import digits, percent, seconds, size, whole
from ray_jobs.spec import FileSplit, GroupSplit, RandomSplit, TimeSplit

_MOST_COLUMNS = 500
_FEW_ROWS = 10
_SIMPLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,19}$")
_KINDS = {
    "number": "number",
    "boolean": "true or false",
    "category": "category",
    "date": "date",
    "text": "text",
    "constant": "one value",
}


def making(told: CardFacts) -> Element:
    """Data, split, model, parameters, seed, time and memory."""
    result, spec = told.result, told.spec
    pairs: list[tuple[str, Element | str]] = [
        ("Data", name(told.data)),
        ("Rows", f"{whole(result.rows_train)} learned from, {whole(result.rows_test)} held out"),
        ("Held out", _split(told)),
        ("Target", name(result.target)),
        ("Model", name(model_title(result.model))),
        ("Seed", str(spec.seed)),
    ]
    if spec.folds:
        pairs.append(("Cross-validation", f"{spec.folds} folds of the training rows"))
    if result.how:
        pairs.append(("How", plain(result.how, 2000)))
    pairs.append(("Time", f"{seconds(result.train_seconds)} in all"))
    if result.peak_memory:
        pairs.append(("Peak memory", size(result.peak_memory)))
    pairs.append(("Made", _day(told.created)))
    pairs.append(("Model id", element("code", plain(result.model_id))))
    if told.data_hash:
        pairs.append(("SHA-256 of the data", element("code", plain(told.data_hash))))
    if told.versions:
        pairs.append(("Made with", ", ".join(f"{plain(key, 60)} {plain(v, 60)}" for key, v in told.versions.items())))
    return section("How it was made", facts(pairs), _parameters(told))


def leaderboard(told: CardFacts) -> Element | None:
    """What auto compared."""
    if not told.result.leaderboard:
        return None
    loss = "Log loss" if told.result.task == "classification" else "RMSE"
    rows: list[list[Element | str]] = []
    for line in told.result.leaderboard:
        named = element("span", name(line.name, 60), *([element("small", plain(line.note, 200))] if line.note else []))
        rows.append(
            [
                named,
                "-" if line.loss is None else digits(line.loss, 4),
                percent(line.weight) if line.weight else "-",
                seconds(line.seconds),
            ]
        )
    why = "By cross-validation of the training rows; less is better. Share: what it has in the model that was kept."
    return section("What was compared", table(["Candidate", loss, "Share", "Time"], rows), paragraph(why))


def warnings(told: CardFacts) -> Element | None:
    if not told.result.warnings:
        return None
    return section("What was noticed", listing(plain(warning, 2000) for warning in told.result.warnings))


def columns(told: CardFacts) -> Element:
    """What a table has to have, so that the model can be used on it."""
    rows: list[list[Element | str]] = []
    for column in told.columns[:_MOST_COLUMNS]:
        written = f", written as {plain(column.date_format, 60)}" if column.date_format else ""
        rows.append([name(column.name), _KINDS.get(column.kind, column.kind) + written])
    rest = len(told.columns) - len(rows)
    return section(
        "Columns it needs",
        table(["Column", "Kind"], rows),
        paragraph(f"And {whole(rest)} more, which are too many to list.") if rest else None,
    )


def limits(told: CardFacts, scores: tuple[ClassScore, ...]) -> Element:
    """What the numbers do not say."""
    result = told.result
    said = [
        f"The numbers are of {whole(result.rows_test)} held-out rows of the same data. They say how it does on rows "
        "like these, and nothing of other places, times or groups of people.",
        "Categories that were not in the training rows, and numbers beyond their range, are answered all the same; "
        "predicting warns of them.",
        "A column that matters to the model need not be a cause: changing it in the world need not change the outcome.",
    ]
    if isinstance(told.spec.split, RandomSplit):
        said.insert(
            1,
            "The rows were held out at random. If new rows come later in time, or from new customers or places, expect "
            "less; a split by time or by group would tell how much.",
        )
    if result.rows_test < 100:
        said.append(f"{whole(result.rows_test)} held-out rows are few: every number above is rough.")
    few = [score.name for score in scores if score.rows < _FEW_ROWS]
    if few:
        rest = f" and {len(few) - 10} more" if len(few) > 10 else ""
        shown = ", ".join(plain(each, 60) for each in few[:10]) + rest
        said.append(f"Fewer than {_FEW_ROWS} held-out rows have these classes, so little is known of them: {shown}.")
    if result.task == "regression":
        said.append(
            "The interval is as wide for easy rows as for hard ones; only over all rows does it hold its share."
        )
    use = "What it may be used for, and who answers for that, is for its owner to write here:"
    return section("Limits", listing(said), paragraph(use), element("div", class_="lines"))


def using(told: CardFacts) -> Element:
    """How a colleague gets predictions."""
    title = plain(told.result.name, 60) or plain(told.result.model_id)
    simple = [column.name for column in told.columns if _SIMPLE.match(column.name)][:3] or ["column"]
    typed = " ".join(f"{each}=..." for each in simple)
    return section(
        "How to use it",
        paragraph(
            "In the chat, send ",
            element("code", "/predict"),
            " and choose ",
            name(title, 60),
            "; then send a file with the columns listed below, name one that lies on the machine, or type a row: ",
            element("code", typed),
            ".",
        ),
        paragraph(
            "Missing values may stay empty. The prediction comes with ",
            "the chance of every class." if told.result.task == "classification" else "its interval.",
            " The model stays on the machine that learned it.",
        ),
    )


def _split(told: CardFacts) -> Element | str:
    match told.spec.split:
        case GroupSplit(column=column):
            return element("span", "whole groups of ", name(column), ": no group is on both sides")
        case TimeSplit(column=column):
            return element("span", "the newest rows by ", name(column))
        case FileSplit():
            return "a file of its own"
        case _:
            part = told.result.rows_test / max(1, told.result.rows_test + told.result.rows_train)
            return f"{percent(part, 2)} of the rows, drawn at random"


def _parameters(told: CardFacts) -> Element | None:
    if not told.parameters:
        return None
    rows: list[list[Element | str]] = [
        [name(key, 60), plain(_value(value), 200)] for key, value in list(told.parameters.items())[:50]
    ]
    return table(["Parameter", "Value"], rows)


def _value(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _day(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC)
    return f"{moment.day} {moment:%B %Y}, {moment:%H:%M} UTC"
