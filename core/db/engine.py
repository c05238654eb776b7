"""The engine: SQLite with WAL, a busy timeout, foreign keys and honest write transactions; or PostgreSQL."""

from __future__ import annotations

import time
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

from core.errors import BadInput

BUSY_TIMEOUT_MS = 30_000


def make_engine(url: str) -> Engine:
    """An engine for ``url``. For SQLite the file's folder is made and every connection gets the pragmas we rely on."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        # Days are counted in UTC, as SQLite does, which knows no other zone.
        options = {"options": f"{parsed.query.get('options', '')} -c timezone=UTC".strip()}
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=options)
    if parsed.get_backend_name() != "sqlite":
        raise BadInput("database.unknown", kind=parsed.get_backend_name())
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}, pool_size=20, max_overflow=40
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: we say BEGIN or BEGIN IMMEDIATE below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "synchronous=NORMAL",
            "cache_size=-32000",
            "temp_store=MEMORY",
        ):
            _set(cursor, pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A read transaction that later writes fails at once with "database is locked", whatever the busy timeout says:
        # SQLite cannot upgrade a stale snapshot. A unit of work that will write therefore takes the write lock first.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _set(cursor: Any, pragma: str) -> None:
    """Two that turn a fresh file to WAL at once are not queued by SQLite: one of them is told "locked" at once."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute(f"PRAGMA {pragma}")
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
