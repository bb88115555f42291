"""The tables. Ids are text of [a-z0-9]; what pydantic models is kept as JSON text and checked again when it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """Timezone-aware in Python, always UTC; SQLite itself knows no timezones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a timezone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    # Named, so that a later migration can change them on SQLite too.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012  SQLAlchemy's own


class PersonTable(Base):
    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    telegram_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)  # None: the console's local person
    name: Mapped[str] = mapped_column(String(256))
    admin: Mapped[bool]
    admitted: Mapped[bool]
    created: Mapped[datetime]
    asked: Mapped[datetime | None]  # waits for an admin's answer since then
    declined: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(String(8), server_default="")  # "": as the person's Telegram says
    speaks: Mapped[str] = mapped_column(String(16), server_default="")  # what that says
    machine_news: Mapped[bool] = mapped_column(server_default=true())
    keep_uploads: Mapped[bool] = mapped_column(server_default=false())
    erasing: Mapped[bool] = mapped_column(server_default=false())  # asked to be forgotten; what is left goes


class PoolTable(Base):
    __tablename__ = "pools"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    user_token: Mapped[str] = mapped_column(String(64))
    tag: Mapped[str] = mapped_column(String(32), unique=True)
    ray_token: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    admits: Mapped[str] = mapped_column(String(16), server_default="machine")  # who lets further machines in
    revocations: Mapped[int] = mapped_column(server_default="0")  # of machines that know the Ray token


class MachineTable(Base):
    __tablename__ = "machines"
    __table_args__ = (
        UniqueConstraint("pool_id", "number", name="uq_machines_number"),
        # A key whose machine was revoked may join again, as a new machine.
        Index(
            "uq_machines_live_key",
            "pool_id",
            "public_key",
            unique=True,
            sqlite_where=text("revoked IS NULL"),
            postgresql_where=text("revoked IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    pool_id: Mapped[str] = mapped_column(ForeignKey("pools.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    public_key: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    facts: Mapped[dict[str, Any]]
    created: Mapped[datetime]
    last_seen: Mapped[datetime | None]
    connected_since: Mapped[datetime | None]
    revoked: Mapped[datetime | None]
    rest: Mapped[str] = mapped_column(String(16), server_default="", default="")  # api.Rest
    admitted: Mapped[datetime | None]  # None: waits for `hayride-node admit`


class JoinTokenTable(Base):
    __tablename__ = "join_tokens"

    offer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires: Mapped[datetime]
    used_at: Mapped[datetime | None]
    machine_id: Mapped[str | None] = mapped_column(ForeignKey("machines.id"))


class JobTable(Base):
    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("person_id", "request", name="uq_jobs_request"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    request: Mapped[str] = mapped_column(String(128))
    spec: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), index=True)
    target: Mapped[str] = mapped_column(String(16))
    end_reason: Mapped[str | None] = mapped_column(String(16))
    problem: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    progress: Mapped[str | None] = mapped_column(Text)
    node_ip: Mapped[str | None] = mapped_column(String(64))
    sealed: Mapped[bool | None]
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    last_event: Mapped[int]
    acknowledged: Mapped[int]
    event_bytes: Mapped[int]  # of the stored events
    story: Mapped[list[str]]
    revision: Mapped[int]
    upload_id: Mapped[str | None] = mapped_column(String(32), index=True)  # the sent file that it reads
    then_predict: Mapped[str] = mapped_column(Text, server_default="")  # a path, for the model that it trains
    next_job: Mapped[str] = mapped_column(String(32), server_default="")  # what came of that


class EventTable(Base):
    __tablename__ = "events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(Text)


class ModelTable(Base):
    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("person_id", "name", "version", name="uq_models_name"),)

    # The id is made by a machine's agent, so it is unique in its person's pool only.
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    name: Mapped[str] = mapped_column(String(512))
    version: Mapped[int]
    place: Mapped[str] = mapped_column(String(32))
    created: Mapped[datetime]
    result: Mapped[str] = mapped_column(Text)


class UploadTable(Base):
    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    size: Mapped[int] = mapped_column(BigInteger)
    place: Mapped[str] = mapped_column(String(32))
    created: Mapped[datetime]


class DraftTable(Base):
    __tablename__ = "drafts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    chat_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    fields: Mapped[dict[str, Any]]
    asking: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    paused: Mapped[bool]
    saved: Mapped[datetime]


class TemplateTable(Base):
    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("person_id", "name", name="uq_templates_name"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    fields: Mapped[dict[str, Any]]
    created: Mapped[datetime]


class CardTable(Base):
    __tablename__ = "cards"

    chat_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    message_id: Mapped[int] = mapped_column(BigInteger)


class DashboardLinkTable(Base):
    """Single-use links: each known by its hash, each with its end."""

    __tablename__ = "dashboard_links"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    expires: Mapped[datetime]


class GroupTable(Base):
    """Group chats in which an admin allowed us."""

    __tablename__ = "groups"

    chat_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    allowed: Mapped[datetime]


class ArrivalTable(Base):
    """What was brought to us and must not count twice."""

    __tablename__ = "arrivals"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
