"""privacy: the check of the key, and room for what is encrypted

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

# SQLite keeps no length, so that its columns need not change.
GROWN = (('document_version', 'title', 400), ('conversation', 'title', 200), ('handoff', 'contact', 200))


def upgrade() -> None:
    op.create_table('encryption_check',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_encryption_check'))
    )
    if op.get_bind().dialect.name != 'sqlite':
        for table, column, length in GROWN:
            op.alter_column(table, column, type_=sa.Text(), existing_type=sa.String(length), existing_nullable=False)


def downgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        for table, column, length in GROWN:
            op.alter_column(table, column, type_=sa.String(length), existing_type=sa.Text(), existing_nullable=False)
    op.drop_table('encryption_check')
