"""The result: the chosen candidates fitted on all rows, with the rounds that cross-validation found."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from ray_jobs.auto.fitting import Fit
from ray_jobs.auto.runner import Lost, Runner
from ray_jobs.auto.table import ALL
from ray_jobs.catalogue import Step
from ray_jobs.manifest import RecordedCandidate
from ray_jobs.models import BadModelFiles, EnsembleModel, FittedModel, load_model


@dataclass(frozen=True, kw_only=True)
class Members:
    """Those that were fitted, and why others were not."""

    fitted: tuple[tuple[RecordedCandidate, FittedModel], ...]
    lost: tuple[str, ...]
    notes: tuple[str, ...]  #: of the models themselves

    def model(self) -> FittedModel:
        models = tuple(model for _, model in self.fitted)
        if len(models) == 1:
            return models[0]
        return EnsembleModel(members=models, weights=tuple(candidate.weight for candidate, _ in self.fitted))

    def recorded(self) -> tuple[RecordedCandidate, ...]:
        return tuple(candidate for candidate, _ in self.fitted)


def fit_members(
    wanted: tuple[RecordedCandidate, ...], template: Fit, runner: Runner, slots: int, threads: int
) -> Generator[Step, None, Members]:
    """Fits each on all rows, beside each other, without a clock. The weights of those that failed go to the others."""
    at_a_time = max(1, min(slots, len(wanted)))
    waiting = [_fit(candidate, template, threads // at_a_time) for candidate in wanted]
    by_name = {candidate.name: candidate for candidate in wanted}
    found: dict[str, FittedModel] = {}
    lost: list[str] = []
    notes: list[str] = []
    running = 0
    while waiting or running:
        while waiting and running < at_a_time:
            runner.start(waiting.pop(0))
            running += 1
        for fit, outcome in runner.wait(0.5):
            running -= 1
            if isinstance(outcome, Lost):
                lost.append(f"{fit.candidate}: {outcome.note}")
                continue
            notes += outcome.notes
            try:
                found[fit.candidate] = load_model(Path(fit.save), outcome.files)
            except BadModelFiles as error:
                lost.append(f"{fit.candidate}: it can't be read again, {error}.")
        yield Step(name="fitting the result")
    kept = [(by_name[name], found[name]) for name in by_name if name in found]
    if lost:  # only then: dividing by a sum that is nearly 1 would change the weights a little at each repetition
        total = sum(candidate.weight for candidate, _ in kept)
        kept = [(one.model_copy(update={"weight": one.weight / total}), model) for one, model in kept]
    return Members(fitted=tuple(kept), lost=tuple(lost), notes=tuple(dict.fromkeys(notes)))


def _fit(candidate: RecordedCandidate, template: Fit, threads: int) -> Fit:
    return replace(
        template,
        candidate=candidate.name,
        model=candidate.model,
        parameters=candidate.parameters,
        part=ALL,
        rounds=candidate.rounds,
        threads=max(1, threads),
        # A folder that was not there before: the same name may be fitted again.
        save=str(Path(template.folder) / f"model-{secrets.token_hex(4)}"),
    )
