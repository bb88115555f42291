"""Machines are admitted by machines; a pool whose machine was revoked gets a fresh Ray token."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("machines") as machines:
        machines.add_column(sa.Column("admitted", sa.DateTime(), nullable=True))
    op.execute("UPDATE machines SET admitted = created")
    with op.batch_alter_table("pools") as pools:
        pools.add_column(sa.Column("admits", sa.String(16), nullable=False, server_default="machine"))
        pools.add_column(sa.Column("revocations", sa.Integer(), nullable=False, server_default="0"))
