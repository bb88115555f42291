"""The test job: a small bundled table, sent to one machine and learned from there, as a person's own would be."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from head.api import HEAD, JobView
from head.demo_data import BUNDLED_TARGET
from head.errors import JobRefused, NotFoundError
from head.jobs import Jobs
from ray_jobs.spec import TrainSpec, UploadData

TABLE = "breast-cancer.csv"
MODEL = "logistic_regression"
_TIME_LIMIT = 600


@dataclass(kw_only=True)
class Trial:
    jobs: Jobs
    _table: bytes = b""
    _turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def start(self, person_id: str, machine_id: str, request: str) -> JobView:
        """One job for each `request`, on that machine alone."""
        if machine_id == HEAD:
            raise NotFoundError("You have no such machine.", remedy="/worker lists yours.")
        name = await self.jobs.machines.usable(person_id, machine_id, for_a_job=True)
        turn = self._turns.setdefault((person_id, request), asyncio.Lock())
        async with turn:  # so that the second of two taps finds the first one's job
            known = await self.jobs.store.jobs.requested(person_id, request)
            if known is not None:
                return await self.jobs.view(known)
            self.jobs.machines.check_here(machine_id, name)
            upload = await self.jobs.keep(person_id, TABLE, await self._bundled(), machine_id)
            data = UploadData(upload_id=upload.id, name=upload.name)
            spec = TrainSpec(data=data, target=BUNDLED_TARGET, model=MODEL, time_limit=_TIME_LIMIT)
            return await self.jobs.submit(person_id, spec, machine_id, request, "")

    async def _bundled(self) -> bytes:
        """Made by a process of its own: what it has to import would stay with this one for ever."""
        if not self._table:
            making = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "head.demo_data",
                stdin=asyncio.subprocess.DEVNULL,  # ours may be somebody's console
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            table, _ = await making.communicate()
            if making.returncode != 0:
                raise JobRefused("The test table could not be made.", remedy="Train on a file of your own: /train.")
            self._table = table
        return self._table
