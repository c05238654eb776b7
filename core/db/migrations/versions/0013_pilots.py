"""pilots: room for what is encrypted since: titles of drafts

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite keeps no length, so that its column need not change.
    if op.get_bind().dialect.name != 'sqlite':
        op.alter_column(
            'content_draft', 'title', type_=sa.Text(), existing_type=sa.String(200), existing_nullable=False
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        op.alter_column(
            'content_draft', 'title', type_=sa.String(200), existing_type=sa.Text(), existing_nullable=False
        )
