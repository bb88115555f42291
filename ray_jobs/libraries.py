"""Libraries that a machine may lack, imported only where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode


def library(name: str) -> Any:
    """The module of that name. Raises Refused(LIBRARY_MISSING)."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Refused(
            ProblemCode.LIBRARY_MISSING, f"This model needs {name}, which is not installed here.", subject=name
        ) from error
