"""What people ask of their models: look, rename, delete. The machine has a model, so it acts first; the row follows."""

from __future__ import annotations

from dataclasses import dataclass

from head.api import HEAD, ModelView
from head.errors import JobRefused, NotFoundError, RefusedError
from head.machines import Machines
from head.pool_client import PoolClient
from head.pools import Pools
from head.store.records import ModelRow
from head.store.store import Store
from ray_jobs.spec import MODEL_NAME_LIMIT, clean_name


@dataclass(frozen=True, kw_only=True)
class Models:
    store: Store
    pools: Pools
    machines: Machines

    async def rename(self, person_id: str, model_id: str, name: str) -> ModelView:
        """Raises NotFoundError, RefusedError for what is no name, JobRefused where the machine is away."""
        row = await self.store.models.get(person_id, model_id)
        cleaned = clean_name(name)
        if not cleaned or len(name.strip()) > MODEL_NAME_LIMIT:
            raise RefusedError(
                f"A model's name has 1 to {MODEL_NAME_LIMIT} characters.", remedy="A good one looks like churn-spring."
            )
        pool = await self._pool(row)
        try:
            version = await pool.rename_model(row.id, row.place, cleaned)
        except NotFoundError:
            await self.store.models.drop(person_id, model_id)
            raise NotFoundError(
                f"{row.name} is not on {await self._place(row)} any more, so I took it off your list.",
                remedy="/models lists those that are there.",
            ) from None
        return await self.view(await self.store.models.rename(person_id, model_id, cleaned, version))

    async def drop(self, person_id: str, model_id: str) -> None:
        """Deletes it for good. Of a machine that was revoked we reach nothing, so there only the row goes.

        Raises NotFoundError, JobRefused where the machine is away.
        """
        row = await self.store.models.get(person_id, model_id)
        if not await self.machines.is_revoked(person_id, row.place):
            pool = await self._pool(row)
            await pool.drop_model(row.id, row.place)
        await self.store.models.drop(person_id, model_id)

    async def view(self, row: ModelRow) -> ModelView:
        return (await self.views([row]))[0]

    async def views(self, rows: list[ModelRow]) -> list[ModelView]:
        names = {(row.person_id, row.place): "" for row in rows}
        for person_id, place in names:
            names[person_id, place] = await self.machines.place_name(person_id, place)
        return [
            ModelView(
                id=row.id,
                name=row.name,
                version=row.version,
                data=row.data,
                place=row.place,
                place_name=names[row.person_id, row.place],
                created=row.created,
                result=row.result,
            )
            for row in rows
        ]

    async def _pool(self, row: ModelRow) -> PoolClient:
        """The pool of a model whose machine is there."""
        await self.machines.usable(row.person_id, row.place)
        if row.place != HEAD and not self.machines.connected(row.place):
            raise JobRefused(
                f"{await self._place(row)} is away, and {row.name} lies there.",
                remedy="Start its node agent, then try again.",
            )
        return await self.pools.client(row.person_id)

    async def _place(self, row: ModelRow) -> str:
        return "the server" if row.place == HEAD else await self.machines.place_name(row.person_id, row.place)
