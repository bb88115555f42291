"""Models have versions: a name is unique with its version."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("models") as models:
        models.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        models.create_unique_constraint("uq_models_name", ["person_id", "name", "version"])
