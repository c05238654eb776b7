"""unsent texts, rows counted of judged files

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('unsent_text',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person', sa.String(length=120), nullable=False),
    sa.Column('place', sa.String(length=160), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('workspace_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], name=op.f('fk_unsent_text_workspace_id_workspace'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unsent_text')),
    sa.UniqueConstraint('workspace_id', 'person', 'place', name=op.f('uq_unsent_text_workspace_id_person_place'))
    )
    with op.batch_alter_table('unsent_text', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_unsent_text_workspace_id'), ['workspace_id'], unique=False)

    # In place: to build the table anew would delete what hangs on it.
    op.add_column('sentiment_batch', sa.Column('counted', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    op.drop_column('sentiment_batch', 'counted')

    with op.batch_alter_table('unsent_text', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_unsent_text_workspace_id'))

    op.drop_table('unsent_text')
