"""Results whose lists of names are too long to tell: the control plane refuses an event above `EVENT_LIMIT`."""

from __future__ import annotations

from ray_jobs.spec import EVENT_LIMIT, PredictResult, Preview, ProfileResult, Result, TrainResult

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
    match result:
        case TrainResult():
            lists = {
                name: _half(getattr(result, name)) for name in ("features", "classes", "leaderboard", "importance")
            }
            return result.model_copy(update=lists)
        case PredictResult():
            return _halved_prediction(result)
        case ProfileResult():
            facts = result.profile.facts
            facts = facts.model_copy(update={"columns": _half(facts.columns), "left_out": _half(facts.left_out)})
            profile = result.profile.model_copy(update={"facts": facts, "columns": _half(result.profile.columns)})
            return result.model_copy(update={"profile": profile})
    return result


def _half(names: tuple[object, ...]) -> tuple[object, ...]:
    return names[: len(names) // 2]


def _halved_prediction(result: PredictResult) -> PredictResult:
    width = len(result.preview.columns) // 2
    preview = Preview(columns=result.preview.columns[:width], rows=tuple(row[:width] for row in result.preview.rows))
    counts = dict(list(result.counts.items())[: len(result.counts) // 2])  # the largest come first
    return result.model_copy(update={"preview": preview, "counts": counts})
