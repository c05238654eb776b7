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


# Each column is added and dropped in place: to make a table anew, as batch operations may, would delete what hangs on it.
COLUMNS = (("recommend_experiment", "design", 20, "ab"), ("recommend_shown", "teams", 100, ""), ("recommend_feedback", "team", 1, ""))


def upgrade() -> None:
    for table, column, length, value in COLUMNS:
        op.add_column(table, sa.Column(column, sa.String(length=length), nullable=False, server_default=value))


def downgrade() -> None:
    for table, column, _, _ in reversed(COLUMNS):
        op.drop_column(table, column)
