"""Learning from a table that does not fit in memory: it is read batch by batch, several times if need be.

| what | how | learns from |
|---|---|---|
| LightGBM, and `auto` | read twice, the second time into bins: some 60 bytes a row | all training rows that fit |
| linear models | written to the disk, several passes of averaged gradient descent in random order | all |
| Keras networks | written to the disk, passes over blocks in random order until it gets no better | all |
| everything else | the entry's own fit | a random sample that fits |

A row's side of the split follows from a hash of its place (or its group, or its time), so nothing depends on how the
table is cut. For evaluating, a random sample of the test rows is kept, and for the preprocessing one of the training
rows. How large samples are follows from the memory that the order gives; what the process really has is looked at
between batches and between rounds, and where it comes near to its end, all begins again with half of the room.

Imports pandas; load it in tasks only.
"""

from ray_jobs.streaming.methods import can_stream, streamed_entry
from ray_jobs.streaming.order import RowSource, Streamed, StreamOrder
from ray_jobs.streaming.training import train_streamed

__all__ = ["RowSource", "StreamOrder", "Streamed", "can_stream", "streamed_entry", "train_streamed"]
