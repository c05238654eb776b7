"""Brings a database to the newest schema. Safe to call at every start and from several processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

FOLDER = Path(__file__).resolve().parent / "migrations"
LOCK = 0x50494C4F54  # of PostgreSQL's advisory locks: "PILOT"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def is_current(engine: Engine) -> bool:
    """Whether the database stands at the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def revision(engine: Engine) -> str:
    """The revision at which the database stands; "" for one that has no tables yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def knows(number: str) -> bool:
    """Whether this product has the revision ``number``."""
    return number in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def migrate(engine: Engine, number: str = "head") -> None:
    """Upgrades. Two processes that start together queue on a lock; the second finds nothing to do."""
    if number == "head" and is_current(engine):
        return
    config = _config()
    with engine.execution_options(writing=True).begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's write transaction is the lock by itself
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, number)


def new_revision(engine: Engine, number: str, message: str) -> None:
    """Writes a migration from the difference between tables and database, for developers; ``number`` as 0002."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=number)
