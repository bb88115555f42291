"""What is made of a fitted model: numbers, pictures, the model card, and the model in the store."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from ray_jobs.catalogue import Step
from ray_jobs.evaluation import Evaluation, evaluate, permutation_importance
from ray_jobs.place import check_space
from ray_jobs.problems import Refused, clip
from ray_jobs.report import CardFacts, draw_pictures, model_card
from ray_jobs.seen import seen_of
from ray_jobs.shelf import drop_model
from ray_jobs.spec import TrainResult
from ray_jobs.store import ModelStore
from ray_jobs.train.learned import Learned
from ray_jobs.train.order import TrainOrder

#: The model card's name in the model's folder and among the job's files.
CARD = "card.html"
_MOST_FEATURES_TOLD = 2000
_MOST_IMPORTANT = 30
#: Importance may take this share of the time that the learning took, and a little.
_IMPORTANCE_SHARE, _IMPORTANCE_LEAST = 0.03, 2.0


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was learned, and what it took."""

    learned: Learned
    notes: tuple[str, ...]
    data_hash: str
    seconds: float
    peak: int  #: bytes


def keep(order: TrainOrder, kept: Kept) -> Generator[Step, None, TrainResult]:
    """Judges, draws and saves; the model is in the store when this returns. Raises Refused, OSError."""
    learned = kept.learned
    outputs = learned.model.outputs(learned.test_frame)
    evaluation = evaluate(learned.task, learned.test_values, outputs, learned.train_values, names=learned.class_names)
    yield Step(name="weighing the columns", fraction=0.3, metrics=_main(evaluation))
    deadline = time.monotonic() + max(_IMPORTANCE_LEAST, _IMPORTANCE_SHARE * kept.seconds)
    importance = permutation_importance(
        learned.model, learned.test_frame, learned.task, learned.test_values, seed=order.spec.seed, deadline=deadline
    )[:_MOST_IMPORTANT]
    yield Step(name="drawing", fraction=0.6)
    folder = order.place.job(order.job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pictures = draw_pictures(folder, evaluation, importance, learned.target)
    result = _result(order, kept, evaluation, importance, pictures)
    yield Step(name="saving", fraction=0.9)
    return _save(order, kept, evaluation, result, folder)


def _main(evaluation: Evaluation) -> dict[str, float]:
    return dict(list(evaluation.metrics.items())[:5])


def _result(
    order: TrainOrder,
    kept: Kept,
    evaluation: Evaluation,
    importance: tuple[tuple[str, float], ...],
    pictures: tuple[str, ...],
) -> TrainResult:
    learned = kept.learned
    notes = dict.fromkeys((*kept.notes, *evaluation.notes))
    return TrainResult(
        model_id=order.model_id,
        model=order.spec.model,
        task=learned.task,
        target=learned.target,
        rows_train=learned.rows_train,
        rows_test=learned.rows_test,
        metrics=evaluation.metrics,
        baseline_metrics=evaluation.baseline_metrics,
        fold_metrics=dict(learned.fold_metrics),
        fold_spread=dict(learned.fold_spread),
        features=tuple(column.name for column in learned.columns[:_MOST_FEATURES_TOLD]),
        classes=learned.class_names,
        leaderboard=learned.leaderboard[:50],
        importance=tuple((clip(name), value) for name, value in importance),
        threshold=evaluation.threshold.value if evaluation.threshold else None,
        how=learned.how,
        warnings=tuple(clip(note, 2000) for note in notes)[:20],
        pictures=pictures,
        card=CARD,
        train_seconds=kept.seconds,
        peak_memory=kept.peak,
    )


def _save(order: TrainOrder, kept: Kept, evaluation: Evaluation, result: TrainResult, folder: Path) -> TrainResult:
    """The result with the name and version under which the model is kept."""
    check_space(order.place, 0)
    learned, created = kept.learned, time.time()
    scratch = folder / "unfinished"
    scratch.mkdir(mode=0o700, parents=True)
    fields = {
        "model_id": order.model_id,
        "job_id": order.job_id,
        "model": order.spec.model,
        "task": learned.task,
        "target": learned.target,
        "columns": learned.columns,
        "classes": learned.classes,
        "rows_train": learned.rows_train,
        "metrics": evaluation.metrics,
        "baseline_metrics": evaluation.baseline_metrics,
        "spec": order.spec,
        "seen": seen_of(learned.train_frame, learned.columns),
        "interval": evaluation.interval,
        "threshold": result.threshold,
        "recorded": learned.recorded,
        "data": clip(learned.data_name),
        "data_hash": kept.data_hash,
        "created": created,
    }
    manifest = ModelStore(order.place.models).save(learned.model, fields, scratch)
    result = result.model_copy(update={"name": manifest.name, "version": manifest.version})
    try:
        card = model_card(
            CardFacts(
                result=result,
                spec=order.spec,
                data=learned.data_name,
                data_hash=kept.data_hash,
                columns=learned.columns,
                evaluation=evaluation,
                parameters=learned.parameters,
                created=created,
                versions=manifest.versions,
                folder=folder,
            )
        )
        kept_card = order.place.models / order.model_id / CARD
        kept_card.write_text(card, encoding="utf-8")
        os.link(kept_card, folder / CARD)
        check_space(order.place, 0)
    except (Refused, OSError):
        drop_model(order.place.models, order.model_id)
        raise
    return result
