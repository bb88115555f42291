"""All that is stored of a person, as one JSON document for them to take along. Keys and tokens stay out of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from head.belongings import EXPORT_LIMIT
from head.store.records import JobRow, MachineRow, ModelRow
from head.store.store import Store
from ray_jobs.spec import SPEC

#: Jobs that are read at once.
_PAGE = 200
_MODELS = 10_000
_TEMPLATES = 1_000
#: What is left for jobs once everything else is in may be nothing; the document's own brackets need a little.
_SLACK = 4096


async def everything(store: Store, person_id: str) -> bytes:
    """At most `EXPORT_LIMIT` bytes; the oldest jobs are left out where there are more. Raises NotFoundError."""
    machines = await store.machines.of_person(person_id, revoked=True)
    document: dict[str, object] = {
        "person": asdict(await store.people.get(person_id)),
        "machines": [_machine(machine) for machine in machines],
        "models": [_model(model) for model in await store.models.of_person(person_id, limit=_MODELS)],
        "templates": [asdict(it) for it in await store.templates.of_person(person_id, limit=_TEMPLATES)],
        "drafts": [asdict(draft) for draft in await store.drafts.of_person(person_id)],
        "uploads": [asdict(upload) for upload in await store.uploads.of_person(person_id)],
    }
    room = EXPORT_LIMIT - _SLACK - len(_text(document))
    jobs: list[object] = []
    left_out = offset = 0
    while found := await store.jobs.of_person(person_id, limit=_PAGE, offset=offset):
        offset += len(found)
        for job in found:
            told = _job(job)
            room -= len(_text(told)) + 2
            if room > 0:
                jobs.append(told)
            else:
                left_out += 1
    return _text({**document, "jobs": jobs, "jobs_left_out": left_out})


def _machine(row: MachineRow) -> dict[str, object]:
    kept = ("id", "name", "facts", "created", "last_seen", "revoked", "admitted")
    return {name: dict(row.facts) if name == "facts" else getattr(row, name) for name in kept}


def _model(row: ModelRow) -> dict[str, object]:
    kept = ("id", "job_id", "name", "version", "data", "place", "created")
    return {**{name: getattr(row, name) for name in kept}, "manifest": row.result.model_dump(mode="json")}


def _job(row: JobRow) -> dict[str, object]:
    state = row.state
    return {
        "id": row.id,
        "spec": SPEC.dump_python(row.spec, mode="json"),
        "place": row.place,
        "then_predict": row.then,
        "status": state.status,
        "end_reason": state.end_reason,
        "problem": state.problem and state.problem.model_dump(mode="json"),
        "result": state.result and state.result.model_dump(mode="json"),
        "created": state.created,
        "started": state.started,
        "ended": state.ended,
        "story": state.story,
    }


def _text(document: object) -> bytes:
    # Lone surrogates, which file names may hold, have no UTF-8.
    return json.dumps(document, ensure_ascii=False, indent=1, default=_plain).encode(errors="replace")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an export")
