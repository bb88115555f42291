"""How the threads of a fit wait for each other: for the environment, before a learning library is loaded."""

from __future__ import annotations

#: GNU's OpenMP lets a thread spin some 300,000 times before it sleeps. Where a core is not free just then, the others
#: spin for the one that waits: beside other processes on two cores a boosting took 54 s, and 3.6 s with this. LightGBM,
#: XGBoost and scikit-learn all bring that library. Source: libgomp's manual, GOMP_SPINCOUNT. Their builds for macOS use
#: LLVM's OpenMP, whose word for it is KMP_BLOCKTIME, in milliseconds.
ENVIRONMENT = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}
