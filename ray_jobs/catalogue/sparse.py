"""What lasso and elastic net share: the fit, and how strongly to hold the coefficients down."""

from __future__ import annotations

from ray_jobs.catalogue import Fit, Step, Training

#: The strength is looked for on so many rows at most; all of them are learned from.
_TRIAL_ROWS = 20_000


def fit_sparse(training: Training, *, l1_ratio: float) -> Fit:
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import ElasticNet, ElasticNetCV

    from ray_jobs.preparation import learning, prepared

    yield Step(name="training", fraction=0.0)
    rows = prepared(training, "linear", order="F", standardise=True, logarithm=True)
    settings = {"l1_ratio": l1_ratio, "max_iter": training.parameters.max_iter}
    alpha = training.parameters.alpha
    notes: tuple[str, ...] = ()
    with learning():
        if alpha is None:
            yield Step(name="looking for the strength", fraction=0.1)
            some = np.random.default_rng(training.seed).permutation(len(rows.values))[:_TRIAL_ROWS]
            search = ElasticNetCV(cv=min(5, len(some)), n_jobs=1, **settings)
            with warnings.catch_warnings():
                # Some strengths on the way settle slowly; the one that is chosen is fitted and warned of below.
                warnings.simplefilter("ignore", ConvergenceWarning)
                alpha = float(search.fit(np.asfortranarray(rows.matrix[some]), rows.values[some]).alpha_)
            notes = (f"Cross-validation of the training rows chose alpha = {alpha:.3g}.",)
            yield Step(name="training", fraction=0.7)
        model = ElasticNet(alpha=alpha, copy_X=False, random_state=training.seed, **settings)
        model.fit(rows.matrix, rows.values)
    return rows.model(model, notes=notes)
