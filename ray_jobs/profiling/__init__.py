"""What a table is like: kinds of its columns, what stands out, what to predict and to learn from.

Loads pandas; what runs before a task starts must not import this.
"""

from ray_jobs.profiling.choosing import choose_features
from ray_jobs.profiling.findings import findings
from ray_jobs.profiling.job import profile

__all__ = ["choose_features", "findings", "profile"]
