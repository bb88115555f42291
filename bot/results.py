"""How a job and its end look: the card while it runs, the last message with the numbers."""

from __future__ import annotations

from datetime import datetime

from bot import amounts, job_buttons, words
from bot.html import Html, clip, fill, joined, lines, text
from bot.language import N_, tr
from bot.machine_words import heard
from bot.messages import Message
from bot.profiles import profile_text
from head.api import (
    CATALOGUE,
    HEAD,
    Candidate,
    EndReason,
    ExportResult,
    ExportSpec,
    JobStatus,
    JobView,
    PathData,
    PredictResult,
    PredictSpec,
    ProfileResult,
    Rest,
    RowsData,
    TrainResult,
    TrainSpec,
    UploadData,
)

#: What the numbers are called, best-known first; for errors, less is better.
METRICS = {
    "accuracy": N_("Accuracy"),
    "balanced_accuracy": N_("Balanced accuracy"),
    "f1_macro": N_("F1 (macro)"),
    "roc_auc": N_("ROC AUC"),
    "pr_auc": N_("PR AUC"),
    "log_loss": N_("Log loss"),
    "brier": N_("Brier score"),
    "rmse": N_("RMSE"),
    "mae": N_("Mean error"),
    "mape": N_("Mean relative error"),
    "r2": N_("R²"),
    "interval_coverage": N_("Intervals hold"),
    "interval_width": N_("Interval width"),
}
_LESS_IS_BETTER = {"log_loss", "brier", "rmse", "mae", "mape"}
_BAR = 10
_KINDS = {"train": N_("Train"), "predict": N_("Predict"), "profile": N_("Profile"), "export": N_("Export")}


def file_name(job: JobView) -> str:
    """The last part of the path, or the name of the sent file, or what stands in its place."""
    if isinstance(job.spec, ExportSpec):
        return job.spec.form
    match job.spec.data:
        case PathData(path=path):
            return path.rstrip("/").rpartition("/")[2] or path
        case UploadData(name=name):
            return name
        case RowsData(rows=rows):
            return amounts.plural(len(rows), "{n} row", "{n} rows")


def model_title(name: str) -> str:
    return next((heard(entry.title) for entry in CATALOGUE if entry.name == name), name)


def place_title(place: str, name: str) -> str:
    """Where a job runs, in words."""
    return tr("the server") if place == HEAD else clip(name or place, 40)


def title(job: JobView) -> Html:
    """What the job is about, in one line."""
    if isinstance(job.spec, TrainSpec):
        return fill("{file} → {target}", file=clip(file_name(job), 60), target=clip(job.spec.target, 60))
    return fill("{file}", file=clip(file_name(job), 60))


def card(job: JobView, now: datetime) -> Message:
    """The job as its card shows it now."""
    icon, _ = words.STATUSES[job.status]
    what = tr(_KINDS[job.spec.kind])
    where = place_title(job.place, job.place_name)
    return Message(
        text=lines(
            fill("{icon} <b>{what}: {title}</b>", icon=icon, what=what, title=title(job)),
            _how(job),
            fill("{state} on {where}{time}", state=_state(job).capitalize(), where=where, time=_time(job, now)),
            *_activity(job, where),
            fill("<i>job_{id}</i>", id=job.id),
        ),
        rows=job_buttons.rows(job),
        silent=True,
        pushed=True,
        brief=_brief(job, where),
    )


def _state(job: JobView) -> str:
    return tr("stopping") if job.cancelling and not job.status.ended else tr(words.STATUSES[job.status][1])


def _how(job: JobView) -> Html | None:
    return text(model_title(job.spec.model)) if isinstance(job.spec, TrainSpec) else None


def _time(job: JobView, now: datetime) -> str:
    if job.ended is not None:
        return f", {amounts.duration((job.ended - (job.started or job.created)).total_seconds())}"
    if job.started is not None:
        return tr(", {time} so far", time=amounts.duration((now - job.started).total_seconds()))
    return ""


def _activity(job: JobView, where: str) -> list[Html]:
    """What is going on, as far as it is known."""
    if job.cancelling and not job.status.ended:
        return [fill("The work is being stopped.")]
    if job.status is JobStatus.QUEUED and job.rest is Rest.PAUSED:
        return [fill("{where} is paused. The job begins when you press Resume in /worker.", where=where)]
    if job.status is JobStatus.QUEUED and job.rest is Rest.LEAVING:
        return [fill("{where} is leaving your pool. Press Resume in /worker, or this job ends with it.", where=where)]
    if job.comparing_on:
        machines = ", ".join(clip(name, 60) for name in job.comparing_on)
        return [fill("{machines} have this table: each compares a share of the models first.", machines=machines)]
    if job.status is JobStatus.QUEUED or job.status is JobStatus.DISPATCHED:
        return [fill("It starts as soon as it can. Waking a sleeping cluster takes about 12 seconds.")]
    if job.status is JobStatus.UNREACHABLE:
        return [
            fill(
                "{where} does not answer just now. The job goes on there; I show its result as soon as we are back.",
                where=where,
            )
        ]
    if job.status is JobStatus.RUNNING and job.progress is not None:
        step = clip(heard(job.progress.step), 120)
        fraction = job.progress.fraction
        numbers = ", ".join(f"{clip(k, 30)} {amounts.metric(v)}" for k, v in list(job.progress.metrics.items())[:4])
        bar = None if fraction is None else fill("{bar} {share}", bar=_bar(fraction), share=amounts.percent(fraction))
        detail = fill("{step}{numbers}", step=step, numbers=f", {numbers}" if numbers else "")
        board = [_candidate(place, line) for place, line in enumerate(job.progress.leaderboard[:3], start=1)]
        return [*([] if bar is None else [bar]), detail, *board]
    return []


def _candidate(place: int, line: Candidate) -> Html:
    loss = tr("no result") if line.loss is None else tr("loss {loss}", loss=amounts.metric(line.loss))
    return fill("{place}. {name}, {loss}", place=place, name=clip(heard(line.name), 60), loss=loss)


def _bar(fraction: float) -> str:
    full = min(_BAR, max(0, round(fraction * _BAR)))
    return "▓" * full + "░" * (_BAR - full)


def _brief(job: JobView, where: str) -> Html:
    """One line for a door that prints; nothing once the last message says it all."""
    if job.status.ended:
        return Html("")
    if job.comparing_on and not job.cancelling:
        machines = ", ".join(clip(name, 60) for name in job.comparing_on)
        return fill("… {title} is compared on {machines}", title=title(job), machines=machines)
    step = f": {clip(heard(job.progress.step), 120)}" if job.progress is not None else ""
    share = f", {amounts.percent(job.progress.fraction)}" if job.progress and job.progress.fraction is not None else ""
    return fill(
        "… {title} {state} on {where}{step}{share}",
        title=title(job),
        state=_state(job),
        where=where,
        step=step,
        share=share,
    )


def ending(job: JobView) -> Message:
    """The one sounding message at the end. The picture or file is added by the cards."""
    return Message(text=_end(job), rows=job_buttons.rows(job))


def _end(job: JobView) -> Html:
    if isinstance(job.result, TrainResult):
        return _trained(job, job.result)
    if isinstance(job.result, PredictResult):
        return _predicted(job, job.result)
    if isinstance(job.result, ProfileResult):
        return profile_text(job.result.profile, file_name(job))
    if isinstance(job.result, ExportResult):
        return _exported(job, job.result)
    icon, state = words.STATUSES[job.status]
    heading = fill("{icon} <b>{title}: {state}</b>", icon=icon, title=title(job), state=tr(state))
    then = fill("The prediction on <code>{file}</code> was not begun.", file=clip(job.then, 200)) if job.then else None
    return lines(heading, why(job), then)


def why(job: JobView) -> Html:
    """Why it came to no result: what happened, what it means for the data, what to do now."""
    if job.problem is not None:
        return words.problem(job.problem)
    return words.entry(words.ENDINGS[job.end_reason or EndReason.CRASHED])


def _exported(job: JobView, result: ExportResult) -> Html:
    where = place_title(job.place, job.place_name)
    return lines(
        fill("✅ <b>{file}</b> is written ({size}).", file=clip(result.file, 80), size=amounts.size(result.bytes)),
        fill("It lies on {where}: <code>{path}</code>", where=where, path=clip(result.path, 300))
        if job.place != HEAD
        else None,
        *(fill("⚠️ {warning}", warning=clip(heard(warning), 160)) for warning in result.warnings[:3]),
    )


def headline(result: TrainResult) -> Html:
    """The result in one line against the baseline."""
    name = "accuracy" if result.task == "classification" else "mae"
    if name not in result.metrics:
        name = next(iter(result.metrics), "")
    if not name:
        return fill("The model is trained.")
    value, baseline = result.metrics[name], result.baseline_metrics.get(name)
    ours = fill("{word} <b>{value}</b>", word=metric_title(name), value=amounts.metric(value))
    if baseline is None:
        return ours
    guess = amounts.metric(baseline)
    if is_better(name, value, baseline):
        return fill("{ours}, simple guessing gets {baseline}", ours=ours, baseline=guess)
    return fill("{ours}, simple guessing gets {baseline}. No better than guessing", ours=ours, baseline=guess)


def metric_title(name: str) -> str:
    return tr(METRICS[name]) if name in METRICS else clip(name, 30)


def is_better(name: str, value: float, other: float) -> bool:
    """Whether a metric's value is better than another one."""
    return value < other if name in _LESS_IS_BETTER else value > other


def numbers(result: TrainResult) -> Html:
    """Every metric beside the baseline's."""
    rows = []
    for name in METRICS:
        if name in result.metrics:
            row = fill("{word} {value}", word=tr(METRICS[name]), value=amounts.metric(result.metrics[name]))
            beside = result.baseline_metrics.get(name)
            rows.append(row if beside is None else fill("{row} <i>({it})</i>", row=row, it=amounts.metric(beside)))
    return lines(*rows)


def _trained(job: JobView, result: TrainResult) -> Html:
    return lines(
        fill("✅ <b>{title}</b>: {headline}", title=title(job), headline=headline(result)),
        Html(""),
        numbers(result),
        fill(
            "On {test} that the model has not seen; it learned from {train} in {time}. <i>(guessing)</i>",
            test=amounts.plural(result.rows_test, "{n} row", "{n} rows"),
            train=amounts.number(result.rows_train),
            time=amounts.duration(result.train_seconds),
        ),
        _folds(result),
        _leaders(result),
        _important(result),
        fill("{how}", how=clip(heard(result.how), 300)) if result.how else None,
        *(fill("⚠️ {warning}", warning=clip(heard(warning), 160)) for warning in result.warnings[:3]),
        fill(
            "{model} is kept on {where} as {name} <code>{id}</code>.",
            model=clip(model_title(result.model), 60),
            where=place_title(job.place, job.place_name),
            name=f"{clip(result.name, 60)} v{result.version}" if result.name else "",
            id=result.model_id,
        ),
    )


def _folds(result: TrainResult) -> Html | None:
    """The first metric of the cross-validation, mean and spread."""
    name = next((name for name in METRICS if name in result.fold_spread), "")
    if not name:
        return None
    mean, spread = (amounts.metric(values[name]) for values in (result.fold_metrics, result.fold_spread))
    return fill("In cross-validation: {word} {mean} ± {spread}", word=tr(METRICS[name]), mean=mean, spread=spread)


def _leaders(result: TrainResult) -> Html | None:
    """What auto made the model of."""
    parts = [line for line in result.leaderboard if line.weight > 0]
    if not parts:
        return None
    shares = [f"{clip(heard(line.name), 40)} {amounts.percent(line.weight)}" for line in parts[:5]]
    tried = amounts.plural(len(result.leaderboard), "{n} model", "{n} models")
    return fill("Made of {parts}; {tried} compared.", parts=", ".join(shares), tried=tried)


def _important(result: TrainResult) -> Html | None:
    names = [clip(name, 40) for name, worse in result.importance[:5] if worse > 0]
    return fill("It leans most on {names}.", names=", ".join(names)) if names else None


def _predicted(job: JobView, result: PredictResult) -> Html:
    most = sorted(result.counts.items(), key=lambda item: -item[1])[:6]
    counts = ", ".join(f"{clip(name, 40)}: {amounts.number(count)}" for name, count in most)
    left = len(result.counts) - len(most)
    more = tr(" and {count} more", count=amounts.number(left)) if left else ""
    scores = [(word, result.metrics[name]) for name, word in METRICS.items() if name in result.metrics]
    known = ", ".join(f"{tr(word)} {amounts.metric(value)}" for word, value in scores)
    model = job.spec.model_id if isinstance(job.spec, PredictSpec) else result.model_id
    return lines(
        fill(
            "✅ <b>{title}</b>: {rows} predicted with <code>{model}</code> in {time}",
            title=title(job),
            rows=amounts.plural(result.rows, "{n} row", "{n} rows"),
            model=model,
            time=amounts.duration(result.predict_seconds),
        ),
        fill("{counts}{more}", counts=counts, more=more) if counts else None,
        fill("Where the file had the answer: {known}", known=known) if known else None,
        *(fill("⚠️ {warning}", warning=clip(heard(warning), 160)) for warning in result.warnings[:3]),
        _preview(result),
        _kept(job, result),
    )


def _preview(result: PredictResult) -> Html | None:
    """The first rows; the predictions are the first columns, so those are shown."""
    if not result.preview.rows:
        return None
    rows = [result.preview.columns, *result.preview.rows[:3]]
    return joined("\n", [fill("<code>{row}</code>", row=" | ".join(clip(v, 20) for v in row[:4])) for row in rows])


def _kept(job: JobView, result: PredictResult) -> Html:
    """Where the file lies; a path of the server is nobody's business."""
    if job.place == HEAD:
        return fill("The predictions are kept on the server.")
    where = place_title(job.place, job.place_name)
    return fill("The predictions are on {where}: <code>{path}</code>", where=where, path=clip(result.path, 200))
