"""Requests for access outlive a restart; group chats are allowed one by one; what was brought once is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.add_column(sa.Column("asked", sa.DateTime(), nullable=True))
        people.add_column(sa.Column("declined", sa.DateTime(), nullable=True))
    op.create_table(
        "groups",
        sa.Column("chat_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("allowed", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_groups_person_id"),
        sa.PrimaryKeyConstraint("chat_id", name="pk_groups"),
    )
    op.create_table(
        "arrivals",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_arrivals"),
    )
    op.create_index("ix_arrivals_at", "arrivals", ["at"])
