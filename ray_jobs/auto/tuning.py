"""Better parameters for the best entries: Optuna's TPE proposes, the race judges.

A trial is an entrant like any other, checked fold by fold, and given up as soon as it is clearly behind its entry's
best. Its entry's default counts as the first trial, so that the search begins around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ray_jobs.auto.board import Board, Entrant
from ray_jobs.auto.candidates import TRAITS
from ray_jobs.catalogue import Choice, Count, Entry, Range, entry_of
from ray_jobs.spec import Parameter

#: Of the trials, the best entry's share, the next one's, and so on.
_SHARES = (0.5, 0.3, 0.2)
#: Trials without a better loss after which there is no use in more; fewer, one for so many rows, where rows are few:
#: they can't tell many trials apart, and the best would be the luckiest.
_PATIENCE, _LEAST_PATIENCE, _ROWS_A_TRIAL = 25, 5, 40
#: A loss is better from this share of it on.
_BETTER = 0.002


class Study:
    """The trials of one entry."""

    def __init__(self, entry: Entry, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.entry = entry
        self.trials = 0
        self._distributions = {name: _distribution(limits) for name, limits in entry.space.items()}
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
        self._study = optuna.create_study(sampler=sampler)
        self._asked: dict[int, Any] = {}

    def know(self, parameters: dict[str, Parameter], loss: float) -> None:
        """What a set of parameters came to that was not asked for here."""
        import optuna

        found = {name: _inside(limits, parameters[name]) for name, limits in self.entry.space.items()}
        self._study.add_trial(optuna.trial.create_trial(params=found, distributions=self._distributions, value=loss))

    def ask(self) -> Entrant:
        trial = self._study.ask(self._distributions)
        self._asked[trial.number] = trial
        self.trials += 1
        fixed = TRAITS[self.entry.name].fixed
        parameters = {**fixed} | {
            name: _parameter(self.entry.space[name], value) for name, value in trial.params.items()
        }
        name = f"{self.entry.name} tuned {self.trials}"
        return Entrant(name=name, model=self.entry.name, parameters=parameters, trial=trial.number)

    def tell(self, entrant: Entrant, loss: float | None) -> None:
        """None: it failed."""
        import optuna

        state = optuna.trial.TrialState.FAIL if loss is None else optuna.trial.TrialState.COMPLETE
        self._study.tell(self._asked.pop(entrant.trial or 0), loss, state=state)


class Tuning:
    """The studies of the best entries, and when to stop."""

    def __init__(self, board: Board, seed: int) -> None:
        self._board, self._seed = board, seed
        self._studies: dict[str, Study] = {}
        rows = len(np.unique(np.concatenate(list(board.checks.values()))))
        self._patience = min(_PATIENCE, max(_LEAST_PATIENCE, rows // _ROWS_A_TRIAL))
        self._since = 0  #: trials that ended since the best loss got better
        self._best = float("inf")

    @property
    def tired(self) -> bool:
        return self._since >= self._patience

    def ask(self, affordable: Callable[[str], bool]) -> Entrant | None:
        """The next trial, of the entry whose turn it is; None where no entry has anything to tune that is
        affordable.
        """
        models = [model for model in self._models() if affordable(model)]
        if not models or self.tired:
            return None
        for model in models:
            if model not in self._studies:
                self._studies[model] = self._begun(model)
        turn = min(zip(models, _SHARES, strict=False), key=lambda pair: (self._studies[pair[0]].trials + 1) / pair[1])
        return self._studies[turn[0]].ask()

    def hopeless(self, entrant: Entrant) -> bool:
        """Whether a trial is behind the best of its entry by more than noise."""
        rival = self._rival(entrant)
        behind = None if rival is None else self._board.difference(entrant, rival)
        return behind is not None and behind.mean > behind.error

    def judged(self, entrant: Entrant) -> None:
        """An entrant is complete or out. A trial that was given up counts as its lead or lag on the parts it had."""
        complete = not entrant.out
        loss = self._board.mean(entrant) if complete else self._guess(entrant)
        if loss is not None and complete and loss < self._best * (1 - _BETTER):
            self._best, self._since = loss, 0
        elif entrant.trial is not None:
            self._since += 1
        if entrant.trial is not None:
            self._studies[entrant.model].tell(entrant, loss)

    def _models(self) -> list[str]:
        tunable = dict.fromkeys(one.model for one in self._board.complete() if entry_of(one.model).space)
        return list(tunable)[: len(_SHARES)]

    def _begun(self, model: str) -> Study:
        entry = entry_of(model)
        study = Study(entry, self._seed)
        default = next(one for one in self._board.complete() if one.model == model and one.trial is None)
        study.know(entry.parameters().model_dump(mode="json"), self._board.mean(default))
        return study

    def _rival(self, entrant: Entrant) -> Entrant | None:
        return next((one for one in self._board.complete() if one.model == entrant.model and one is not entrant), None)

    def _guess(self, entrant: Entrant) -> float | None:
        rival = self._rival(entrant)
        behind = None if rival is None else self._board.difference(entrant, rival)
        return None if rival is None or behind is None else self._board.mean(rival) + behind.mean


def _distribution(limits: Range) -> Any:
    from optuna import distributions

    if isinstance(limits, Choice):
        # By position: Optuna takes no lists as values.
        return distributions.CategoricalDistribution(tuple(range(len(limits.values))))
    if isinstance(limits, Count):
        return distributions.IntDistribution(limits.low, limits.high, log=limits.log)
    return distributions.FloatDistribution(limits.low, limits.high, log=limits.log)


def _parameter(limits: Range, value: Any) -> Parameter:
    found: Parameter = limits.values[value] if isinstance(limits, Choice) else value
    return found


def _inside(limits: Range, value: Parameter) -> Any:
    """A parameter as Optuna has it; the nearest within the range, the first choice for one that is not among them."""
    if isinstance(limits, Choice):
        return limits.values.index(value) if value in limits.values else 0
    number = limits.low if not isinstance(value, int | float) else value
    return type(limits.low)(min(max(number, limits.low), limits.high))
