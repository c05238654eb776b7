"""Alembic's entry: runs the migrations on the connection that ``core.db.migrate`` hands over."""

from typing import Any, Literal

from alembic import context

from core.db import (
    api_tables,
    audit_tables,
    content_tables,
    link_tables,
    people_tables,
    privacy_tables,
    recommend_tables,
    sentiment_tables,
    studio_tables,
    unsent_tables,
)
from core.db.encrypted import EncryptedJSON, EncryptedText
from core.db.tables import Base, UtcDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations name the column's plain type: they must keep running when our Python types move."""
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.Text()"
    if kind == "type" and isinstance(item, EncryptedJSON):
        return "sa.JSON()"
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


assert api_tables  # imported for their tables
assert audit_tables
assert content_tables
assert link_tables
assert people_tables
assert privacy_tables
assert recommend_tables
assert sentiment_tables
assert studio_tables
assert unsent_tables
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
