"""Learning from a table that does not fit in memory: it is read batch by batch, several times if need be.

Imports pandas; load it in tasks only.
"""

from ray_jobs.streaming.methods import can_stream, streamed_entry
from ray_jobs.streaming.order import RowSource, Streamed, StreamOrder
from ray_jobs.streaming.training import train_streamed

__all__ = ["RowSource", "StreamOrder", "Streamed", "can_stream", "streamed_entry", "train_streamed"]
