"""Auto: the best model for a table within a budget of seconds, compared, tuned and combined on this machine's cores.

`search` runs in the job's own task; its candidates run as tasks beside it (RayRunner), or in the same process
(InlineRunner).
"""

from ray_jobs.auto.order import AutoOrder, Found
from ray_jobs.auto.runner import InlineRunner, RayRunner, Runner
from ray_jobs.auto.search import compare, repeat, search

__all__ = ["AutoOrder", "Found", "InlineRunner", "RayRunner", "Runner", "compare", "repeat", "search"]
