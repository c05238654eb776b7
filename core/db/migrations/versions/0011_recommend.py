"""interleaving: who drafted which place, and whose item was clicked

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("recommend_experiment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("design", sa.String(length=20), nullable=False, server_default="ab"))
    with op.batch_alter_table("recommend_shown", schema=None) as batch_op:
        batch_op.add_column(sa.Column("teams", sa.String(length=100), nullable=False, server_default=""))
    with op.batch_alter_table("recommend_feedback", schema=None) as batch_op:
        batch_op.add_column(sa.Column("team", sa.String(length=1), nullable=False, server_default=""))
    # The columns' values are given by the program from now on.
    for table, column in (("recommend_experiment", "design"), ("recommend_shown", "teams"), ("recommend_feedback", "team")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    for table, column in (("recommend_feedback", "team"), ("recommend_shown", "teams"), ("recommend_experiment", "design")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
