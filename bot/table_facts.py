"""What a machine found in a table, in the words of a training's form."""

from __future__ import annotations

from bot import amounts
from bot.html import Html, clip, fill
from bot.language import tr
from bot.machine_words import heard
from head.api import DataFacts

_CLASSES = 3
#: Bytes that no machine lacks.
_LITTLE = 100 * 1024 * 1024


def about_target(facts: DataFacts) -> str:
    """What the target turned out to be."""
    if facts.task is None:
        return ""
    if facts.task == "regression":
        return tr(" (a number)")
    if not facts.classes:
        return tr(" (classes)")
    many = amounts.plural(facts.classes, "{n} class", "{n} classes")
    rows = sum(facts.balance.values())
    if not rows or facts.classes > len(facts.balance):  # of so many only the commonest are told
        return f" ({many})"
    shares = [f"{clip(name, 20)} {amounts.percent(count / rows)}" for name, count in facts.balance.items()]
    return f" ({many}: {', '.join(shares[:_CLASSES])}{' …' if len(shares) > _CLASSES else ''})"


def estimate(facts: DataFacts, *, beside: int | None) -> Html | None:
    """What a training may take, where that is worth a line. `beside`: seconds of a search beside what one model takes;
    None: the model is not the usual one, so its time is not known.
    """
    needs = amounts.memory(facts.memory)
    if facts.streamed:
        return fill("Needs some {memory}, more than is free: it is learned from in passes over the file.", memory=needs)
    time = "" if beside is None or facts.seconds is None else amounts.duration(facts.seconds + beside)
    if facts.memory < _LITTLE:
        return fill("Takes some {time}.", time=time) if time else None
    if not time:
        return fill("Takes some {memory} of memory.", memory=needs)
    return fill("Takes some {memory} of memory and {time}.", memory=needs, time=time)


def likely_target(facts: DataFacts) -> Html | None:
    """What is most likely meant, and why."""
    if not facts.targets:
        return None
    first = facts.targets[0]
    return fill("Likely <b>{name}</b>: {why}", name=clip(first.name, 60), why=clip(heard(first.reason), 160))


def likeliest_first(facts: DataFacts) -> list[str]:
    """The columns as a target is chosen from them."""
    likely = [it.name for it in facts.targets]
    return [*likely, *(column.name for column in facts.columns if column.name not in likely)]
