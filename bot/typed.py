"""A job as the line that would be typed for it. It is shown, and may be sent again."""

from __future__ import annotations

from bot import parameters
from bot.arguments import quoted
from bot.typed_rows import as_typed
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
            return " ".join(["/train", *_data(spec.data), quoted(spec.target), *_training(spec), *_place(job)])
        case PredictSpec():
            return " ".join(["/predict", spec.model_id, *_predicting(spec), *_data(spec.data)])
        case ProfileSpec():
            return " ".join(["/data", *_data(spec.data), *([quoted(spec.target)] if spec.target else []), *_place(job)])
        case ExportSpec():
            return f"/models export {spec.model_id} {spec.form}"


def _training(spec: TrainSpec) -> list[str]:
    return [
        f"model={spec.model}",
        *(f"{name}={quoted(parameters.shown(given))}" for name, given in spec.parameters.items()),
        *([f"task={spec.task}"] if spec.task else []),
        *_split(spec),
        *([f"folds={spec.folds}"] if spec.folds else []),
        *([f"include={quoted(','.join(spec.include))}"] if spec.include else []),
        *([f"exclude={quoted(','.join(spec.exclude))}"] if spec.exclude else []),
        *([f"name={quoted(spec.name)}"] if spec.name else []),
        *([f"seed={spec.seed}"] if spec.seed else []),
        *([f"budget={_time(spec.budget)}"] if spec.model == AUTO else []),
        f"limit={_time(spec.time_limit)}",
    ]


def _predicting(spec: PredictSpec) -> list[str]:
    return [
        *([f"output={spec.output}"] if spec.output != "same" else []),
        *([f"reasons={spec.reasons}"] if spec.reasons else []),
        *([f"threshold={spec.threshold:g}"] if spec.threshold is not None else []),
        f"limit={_time(spec.time_limit)}",
    ]


def _split(spec: TrainSpec) -> list[str]:
    split = spec.split
    match split:
        case TimeSplit() | GroupSplit():
            return [f"split={quoted(f'{split.kind}:{split.column}')}", f"test={split.test_fraction:g}"]
        case FileSplit(data=PathData(path=path)):
            return [f"split={quoted(f'file:{path}')}"]
        case FileSplit():
            return [f"split=file:{' '.join(_data(split.data))}"]
        case _:
            return [f"test={split.test_fraction:g}"]


def _data(data: PathData | UploadData | RowsData) -> list[str]:
    match data:
        case PathData():
            return [quoted(data.path), *([f"sheet={quoted(data.sheet)}"] if data.sheet else [])]
        case UploadData():
            return [quoted(data.name), *([f"sheet={quoted(data.sheet)}"] if data.sheet else [])]
        case RowsData():
            return [as_typed(data)]


def _place(job: JobView) -> list[str]:
    then = [f"then={quoted(job.then)}"] if job.then else []
    return [*then, f"on={quoted(HEAD if job.place == HEAD else job.place_name or job.place)}"]


def _time(seconds: int) -> str:
    return f"{seconds}s" if seconds % _MINUTE else f"{seconds // _MINUTE}m"
