"""What every test runs with."""

from __future__ import annotations

import os

from ray_jobs import threads

# Before a test loads a learning library: as in a box, threads must not spin for a core that somebody else has.
os.environ.update(threads.ENVIRONMENT)
# Ray would see `uv run` above it, and start its workers by uv too, in a copy of the checkout.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
