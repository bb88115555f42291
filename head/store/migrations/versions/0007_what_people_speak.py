"""What a person's Telegram speaks is remembered, for what is told without having been asked."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.add_column(sa.Column("speaks", sa.String(16), nullable=False, server_default=""))
