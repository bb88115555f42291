"""Templates and preferences of people; which upload a job reads, and what is predicted once it has trained."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Not in batches: those would make the tables anew, and others refer to them.
    op.add_column("people", sa.Column("language", sa.String(8), nullable=False, server_default=""))
    op.add_column("people", sa.Column("machine_news", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("people", sa.Column("keep_uploads", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("people", sa.Column("erasing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("jobs", sa.Column("upload_id", sa.String(32), nullable=True))
    op.add_column("jobs", sa.Column("then_predict", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("next_job", sa.String(32), nullable=False, server_default=""))
    op.create_index("ix_jobs_upload_id", "jobs", ["upload_id"])
    op.create_table(
        "templates",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_templates_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("person_id", "name", name="uq_templates_name"),
    )
    _note_uploads()


def _note_uploads() -> None:
    """Jobs of before: the upload that each reads stands in its spec."""
    connection = op.get_bind()
    jobs = sa.table("jobs", sa.column("id"), sa.column("spec"), sa.column("upload_id"))
    for job_id, spec in connection.execute(sa.select(jobs.c.id, jobs.c.spec).where(jobs.c.spec.contains("upload_id"))):
        upload_id = json.loads(spec).get("data", {}).get("upload_id")
        if upload_id:
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(upload_id=upload_id))
