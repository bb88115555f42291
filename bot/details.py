"""What there is to know about a job besides its result: when it stood where, how it was asked for, what it told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bot import amounts, words
from bot.html import Html, clip, fill, lines, text
from bot.language import tr
from bot.machine_words import heard
from bot.results import place_title, title, why
from bot.typed import typed
from head.api import Candidate, Event, JobStatus, JobView, Moment, PredictResult, Progress, TrainResult

#: Steps of the end of the log, changes of state, lines of a leaderboard or of columns.
STEPS, MOMENTS, BOARD, COLUMNS = 10, 12, 10, 10
#: Events to ask for: enough to find so many different steps in most of them.
LOOKED_AT = 200
_WARNINGS_TOLD = 3  #: by the result's own message


def headed(job: JobView, events: Sequence[Event], now: datetime) -> Html:
    """As a message of its own."""
    icon, state = words.STATUSES[job.status]
    failed = job.status.ended and job.status is not JobStatus.COMPLETED
    return lines(
        fill("{icon} <b>{title}: {state}</b>", icon=icon, title=title(job), state=tr(state)),
        *([why(job), Html("")] if failed else []),
        below(job, events, now),
    )


def below(job: JobView, events: Sequence[Event], now: datetime) -> Html:
    """To stand below what says how the job ended."""
    return lines(
        *_timeline(job.history[-MOMENTS:]),
        _place(job),
        fill("As typed: <code>{line}</code>", line=clip(typed(job), 700)),
        *_result(job),
        *([] if job.status is JobStatus.COMPLETED else _log(job, events, now)),
        fill("<i>job_{id}</i>", id=job.id),
    )


def _timeline(history: Sequence[Moment]) -> list[Html]:
    """One line for each state; the day stands where it changes."""
    said, day = [], ""
    for moment in history:
        icon, state = words.STATUSES[moment.status]
        today, time = amounts.day(moment.at), amounts.time_of_day(moment.at)
        when = time if today == day else f"{today}, {time} UTC"
        said.append(fill("{icon} {when}: {state}", icon=icon, when=when, state=tr(state)))
        day = today
    return said


def _place(job: JobView) -> Html | None:
    where = place_title(job.place, job.place_name)
    if job.node_ip is None:
        return None
    if job.sealed:
        return fill("It ran on {where} ({address}), in a sealed box.", where=where, address=job.node_ip)
    return fill("It ran on {where} ({address}), unsealed.", where=where, address=job.node_ip)


def _result(job: JobView) -> list[Html]:
    result = job.result
    if isinstance(result, TrainResult):
        return [*_board(result), *_importance(result), *_classes(result), _cost(result), *_more(result.warnings)]
    if isinstance(result, PredictResult):
        return [*_drift(result), *_more(result.warnings)]
    return []


def _board(result: TrainResult) -> list[Html]:
    """What auto compared, the best first."""
    if not result.leaderboard:
        return []
    rest = len(result.leaderboard) - BOARD
    more = [fill("… and {n} more", n=amounts.number(rest))] if rest > 0 else []
    board = [_candidate(place, line) for place, line in enumerate(result.leaderboard[:BOARD], start=1)]
    return [fill("<b>Compared</b>"), *board, *more]


def _candidate(place: int, line: Candidate) -> Html:
    loss = tr("no result") if line.loss is None else tr("loss {loss}", loss=amounts.metric(line.loss))
    share = [tr("{share} of the result", share=amounts.percent(line.weight))] if line.weight > 0 else []
    told = ", ".join([clip(heard(line.name), 60), loss, amounts.duration(line.seconds), *share])
    return fill("{place}. {told}", place=place, told=told)


def _importance(result: TrainResult) -> list[Html]:
    """How much worse it gets without a column."""
    columns = [(name, worse) for name, worse in result.importance if worse > 0][:COLUMNS]
    if not columns:
        return []
    heading = fill("<b>How much worse it gets when a column is shuffled</b>")
    return [heading, *(text(f"{clip(name, 60)}: {amounts.metric(worse)}") for name, worse in columns)]


def _classes(result: TrainResult) -> list[Html]:
    if not result.classes:
        return []
    names = clip(", ".join(result.classes[:20]), 300)
    said = [fill("Classes of {target}: {names}", target=clip(result.target, 60), names=names)]
    if result.threshold is not None and len(result.classes) == 2:
        name, threshold = clip(result.classes[1], 40), amounts.metric(result.threshold)
        said.append(fill("A good border: {name} from a probability of {threshold} on.", name=name, threshold=threshold))
    return said


def _cost(result: TrainResult) -> Html:
    took, columns = amounts.duration(result.train_seconds), amounts.number(len(result.features))
    if not result.peak_memory:
        return fill("It learned for {time} from {columns} columns.", time=took, columns=columns)
    memory = amounts.size(result.peak_memory)
    return fill(
        "It learned for {time} from {columns} columns and took {memory} of memory at most.",
        time=took,
        columns=columns,
        memory=memory,
    )


def _drift(result: PredictResult) -> list[Html]:
    columns = [(name, score) for name, score in result.drift[:COLUMNS] if score > 0]
    if not columns:
        return []
    heading = fill("<b>How far columns are from the training rows</b>")
    return [heading, *(text(f"{clip(name, 60)}: {amounts.metric(score)}") for name, score in columns)]


def _more(warnings: Sequence[str]) -> list[Html]:
    told = warnings[_WARNINGS_TOLD:][:COLUMNS]
    return [fill("⚠️ {warning}", warning=clip(heard(warning), 200)) for warning in told]


def _log(job: JobView, events: Sequence[Event], now: datetime) -> list[Html]:
    """The last different steps that the job told, each where it was told last."""
    steps: dict[str, float] = {}
    for event in events:
        if isinstance(event, Progress):
            steps.pop(event.step, None)
            steps[event.step] = event.at
    if not steps:
        return []
    said = [
        fill("{time} {step}", time=_told_at(job, at, now), step=clip(heard(step), 120))
        for step, at in list(steps.items())[-STEPS:]
    ]
    return [fill("<b>The last steps</b>"), *said]


def _told_at(job: JobView, seconds: float, now: datetime) -> str:
    """By the machine's clock, which may be wrong or lie, so it is held to the job's own time."""
    latest = job.ended or now
    at = latest if seconds >= latest.timestamp() else max(job.created, datetime.fromtimestamp(seconds, UTC))
    return amounts.time_of_day(at)
