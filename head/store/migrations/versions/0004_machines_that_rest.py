"""A machine can be paused, or told to leave once its jobs have ended."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("machines") as machines:
        machines.add_column(sa.Column("rest", sa.String(16), nullable=False, server_default=""))
