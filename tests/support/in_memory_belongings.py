"""The part of the in-memory control plane that keeps what the chat wants kept: forms, templates, cards."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from head.api import DRAFT_DAYS, TEMPLATE_NAME_LIMIT, Draft, NotFoundError, RefusedError, Template
from head.clock import Clock


@dataclass(kw_only=True)
class InMemoryBelongings:
    clock: Clock
    _arrived: set[str] = field(default_factory=set)
    _drafts: dict[str, tuple[str, Draft]] = field(default_factory=dict)
    _saved: dict[str, datetime] = field(default_factory=dict)
    _templates: dict[str, tuple[str, Template]] = field(default_factory=dict)
    _cards: dict[tuple[str, str], int] = field(default_factory=dict)
    _carded: dict[tuple[str, str], str] = field(default_factory=dict)

    async def seen(self, names: Collection[str]) -> set[str]:
        return self._arrived & set(names)

    async def note_seen(self, names: Collection[str]) -> None:
        self._arrived |= set(names)

    async def save_draft(self, person_id: str, draft: Draft) -> Draft:
        if draft.id in self._drafts and self._drafts[draft.id][0] != person_id:
            raise NotFoundError("That form is gone.", remedy="Start it again.")
        self._drafts.pop(draft.id, None)
        self._drafts[draft.id] = (person_id, draft)
        self._saved[draft.id] = self.clock.now()
        return draft

    async def draft(self, person_id: str, draft_id: str) -> Draft:
        owner, draft = self._drafts.get(draft_id, ("", None))
        if draft is None or owner != person_id:
            raise NotFoundError("That form is gone.", remedy="Start it again.")
        return draft

    async def active_draft(self, person_id: str, chat_id: str) -> Draft | None:
        mine = [draft for owner, draft in self._drafts.values() if owner == person_id and draft.chat_id == chat_id]
        return next((draft for draft in reversed(mine) if not draft.paused), None)

    async def drop_draft(self, person_id: str, draft_id: str) -> None:
        if self._drafts.get(draft_id, ("", None))[0] == person_id:
            del self._drafts[draft_id]

    async def last_run(self, person_id: str, kind: str) -> Draft | None:
        mine = [draft for owner, draft in self._drafts.values() if owner == person_id and draft.kind == kind]
        return next((draft for draft in reversed(mine) if draft.fields.get("job")), None)

    async def expired_drafts(self) -> list[tuple[str, Draft]]:
        before = self.clock.now() - timedelta(days=DRAFT_DAYS)
        return [self._drafts[id] for id, saved in self._saved.items() if saved < before and id in self._drafts]

    async def add_template(self, person_id: str, *, name: str, kind: str, fields: dict[str, object]) -> Template:
        name = self._free_name(person_id, name, "")
        template = Template(id=_id(), name=name, kind=kind, fields=fields, created=self.clock.now())
        self._templates[template.id] = (person_id, template)
        return template

    async def templates(self, person_id: str, *, limit: int = 8, offset: int = 0) -> list[Template]:
        mine = [template for owner, template in reversed(self._templates.values()) if owner == person_id]
        return mine[offset : offset + limit]

    async def template(self, person_id: str, template_id: str) -> Template:
        owner, template = self._templates.get(template_id, ("", None))
        if template is None or owner != person_id:
            raise NotFoundError("You have no such template.", remedy="/templates lists yours.")
        return template

    async def rename_template(self, person_id: str, template_id: str, name: str) -> Template:
        template = await self.template(person_id, template_id)
        template = replace(template, name=self._free_name(person_id, name, template_id))
        self._templates[template_id] = (person_id, template)
        return template

    async def drop_template(self, person_id: str, template_id: str) -> None:
        if self._templates.get(template_id, ("", None))[0] == person_id:
            del self._templates[template_id]

    def _free_name(self, person_id: str, name: str, besides: str) -> str:
        name = " ".join(name.split())
        others = [it.name for owner, it in self._templates.values() if owner == person_id and it.id != besides]
        if not 1 <= len(name) <= TEMPLATE_NAME_LIMIT or name.casefold() in map(str.casefold, others):
            raise RefusedError("That is no free name.", remedy="Choose another.")
        return name

    async def save_card(self, person_id: str, *, chat_id: str, subject: str, message_id: int) -> None:
        self._cards[chat_id, subject], self._carded[chat_id, subject] = message_id, person_id

    async def cards(self, subject: str) -> list[tuple[str, int]]:
        return [(chat_id, id) for (chat_id, shown), id in self._cards.items() if shown == subject]


def _id() -> str:
    return secrets.token_hex(5)
