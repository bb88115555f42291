"""Results whose lists of names are too long to tell: the control plane refuses an event above `EVENT_LIMIT`."""

from __future__ import annotations

from ray_jobs.spec import EVENT_LIMIT, PredictResult, Preview, Result, TrainResult

#: Bytes that the rest of the event takes at most.
_AROUND = 1024
#: After so many nothing of the longest list is left.
_HALVINGS = 12


def shortened(result: Result) -> Result:
    """The result, its longest lists halved until it can be told. Ordinary ones stay as they are."""
    for _ in range(_HALVINGS):
        if len(result.model_dump_json().encode()) <= EVENT_LIMIT - _AROUND:
            break
        result = _halved(result)
    return result


def _halved(result: Result) -> Result:
    if isinstance(result, TrainResult):
        features, classes = result.features, result.classes
        return result.model_copy(
            update={"features": features[: len(features) // 2], "classes": classes[: len(classes) // 2]}
        )
    return _halved_prediction(result)


def _halved_prediction(result: PredictResult) -> PredictResult:
    width = len(result.preview.columns) // 2
    preview = Preview(columns=result.preview.columns[:width], rows=tuple(row[:width] for row in result.preview.rows))
    counts = dict(list(result.counts.items())[: len(result.counts) // 2])  # the largest come first
    return result.model_copy(update={"preview": preview, "counts": counts})
