"""The buttons under a job: what can be done while it runs, and what can be done next. Two or three a row."""

from __future__ import annotations

from bot.callbacks import Verb, pack
from bot.language import tr
from bot.messages import Button, Row, in_rows
from head.api import JobStatus, JobView, PredictSpec, ProfileSpec, TrainResult, TrainSpec

#: Kinds of models that learn in epochs, and tell the loss of each.
NETWORKS = {"mlp", "keras"}
_WIDTH = 3


def rows(job: JobView, *, details: bool = True) -> tuple[Row, ...]:
    """`details`: False where they are shown already."""
    more = [Button(label=tr("Details"), callback=pack(Verb.DETAILS, job.id))] if details else _task(job)
    if not job.status.ended:
        return in_rows([*_while_open(job), *more, *_watching(job), *(_task(job) if details else [])], _WIDTH)
    if isinstance(job.result, TrainResult):
        return in_rows([*_with_model(job.result.model_id), *more, _card(job.result.model_id), *_again(job)], _WIDTH)
    if job.status is JobStatus.COMPLETED:
        return in_rows([*_learn(job), *_again(job), *more], _WIDTH)
    return in_rows([retry(job), *_again(job), *more], _WIDTH)


def retry(job: JobView) -> Button:
    """The same once more, where it was; the revision makes two taps one job."""
    return Button(label=tr("Retry"), callback=pack(Verb.RETRY, job.id, job.revision))


def again(job: JobView) -> Button:
    """The form as it was."""
    return Button(label=tr("Again…"), callback=pack(Verb.AGAIN, job.id))


def has_form(job: JobView) -> bool:
    """Whether it is of a kind that a form makes."""
    return isinstance(job.spec, TrainSpec | PredictSpec)


def is_network(job: JobView) -> bool:
    return isinstance(job.spec, TrainSpec) and job.spec.model in NETWORKS


def _again(job: JobView) -> list[Button]:
    return [again(job)] if has_form(job) else []


def _learn(job: JobView) -> list[Button]:
    """A form for the table that was looked at."""
    if not isinstance(job.spec, ProfileSpec):
        return []
    return [Button(label=tr("Train on this"), callback=pack(Verb.LEARN, job.id))]


def _while_open(job: JobView) -> list[Button]:
    return [] if job.cancelling else [Button(label=tr("Cancel"), callback=pack(Verb.STOP, job.id))]


def _watching(job: JobView) -> list[Button]:
    if job.status is not JobStatus.RUNNING or not is_network(job):
        return []
    return [Button(label=tr("Loss curve"), callback=pack(Verb.LOSSES, job.id))]


def _task(job: JobView) -> list[Button]:
    """Its page on the Ray dashboard, once it has begun."""
    if job.started is None:
        return []
    return [Button(label=tr("Dashboard"), callback=pack(Verb.DASHBOARD, job.id))]


def _with_model(model_id: str) -> list[Button]:
    return [
        Button(label=tr("Predict"), callback=pack(Verb.MODEL, model_id)),
        Button(label=tr("Compare"), callback=pack(Verb.COMPARE, model_id)),
    ]


def _card(model_id: str) -> Button:
    return Button(label=tr("Model card"), callback=pack(Verb.CARD, model_id))
