"""What must survive the process: people, pools, machines, jobs and their events, models, and what the chat keeps.

One `Store` with a noun for each; methods are transactions, and give frozen records. Whatever belongs to a person is
asked for with the person's id: another person's thing is not found.
"""

from head.store.jobs import StaleJob
from head.store.records import JobRow, MachineRow, ModelRow, OfferRow, PoolRow, Redeemed, UploadRow
from head.store.store import Store

__all__ = [
    "JobRow",
    "MachineRow",
    "ModelRow",
    "OfferRow",
    "PoolRow",
    "Redeemed",
    "StaleJob",
    "Store",
    "UploadRow",
]
