"""A job as the line that would be typed for it. It is shown, and may be sent again."""

from __future__ import annotations

from head.api import (
    AUTO,
    HEAD,
    ExportSpec,
    FileSplit,
    GroupSplit,
    JobView,
    PathData,
    PredictSpec,
    ProfileSpec,
    RowsData,
    TimeSplit,
    TrainSpec,
    UploadData,
)

_MINUTE = 60


def typed(job: JobView) -> str:
    """With the settings that are not the usual ones, and always the limit."""
    spec = job.spec
    match spec:
        case TrainSpec():
            return " ".join(["/train", *_data(spec.data), _word(spec.target), *_training(spec), *_place(job)])
        case PredictSpec():
            return " ".join(["/predict", spec.model_id, *_data(spec.data), f"limit={_time(spec.time_limit)}"])
        case ProfileSpec():
            return " ".join(["/data", *_data(spec.data), *([_word(spec.target)] if spec.target else []), *_place(job)])
        case ExportSpec():
            return f"/models export {spec.model_id} {spec.form}"


def _training(spec: TrainSpec) -> list[str]:
    return [
        f"model={spec.model}",
        *(f"{name}={_word(_value(given))}" for name, given in spec.parameters.items()),
        *([f"task={spec.task}"] if spec.task else []),
        *_split(spec),
        *([f"folds={spec.folds}"] if spec.folds else []),
        *([f"include={_word(','.join(spec.include))}"] if spec.include else []),
        *([f"exclude={_word(','.join(spec.exclude))}"] if spec.exclude else []),
        *([f"name={_word(spec.name)}"] if spec.name else []),
        *([f"seed={spec.seed}"] if spec.seed else []),
        *([f"budget={_time(spec.budget)}"] if spec.model == AUTO else []),
        f"limit={_time(spec.time_limit)}",
    ]


def _split(spec: TrainSpec) -> list[str]:
    split = spec.split
    match split:
        case TimeSplit() | GroupSplit():
            return [f"split={_word(f'{split.kind}:{split.column}')}", f"test={split.test_fraction:g}"]
        case FileSplit():
            return [f"split=file:{' '.join(_data(split.data))}"]
        case _:
            return [f"test={split.test_fraction:g}"]


def _data(data: PathData | UploadData | RowsData) -> list[str]:
    match data:
        case PathData():
            return [_word(data.path), *([f"sheet={_word(data.sheet)}"] if data.sheet else [])]
        case UploadData():
            return [_word(data.name), *([f"sheet={_word(data.sheet)}"] if data.sheet else [])]
        case RowsData(rows=rows):
            return [f"{name}={_word(given)}" for name, given in rows[0].items()]


def _place(job: JobView) -> list[str]:
    then = [f"then={_word(job.then)}"] if job.then else []
    return [*then, f"on={_word(HEAD if job.place == HEAD else job.place_name or job.place)}"]


def _value(given: object) -> str:
    """As bot.arguments reads it."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list):
        return ",".join(str(part) for part in given)
    return "none" if given is None else str(given)


def _time(seconds: int) -> str:
    return f"{seconds}s" if seconds % _MINUTE else f"{seconds // _MINUTE}m"


def _word(text: str) -> str:
    """In quotes where it would be taken for several words, or for a setting."""
    if text and not any(mark in text for mark in " \t='\""):
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'
