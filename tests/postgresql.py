"""A real PostgreSQL for tests (the package pgserver carries its binaries), with an empty database for each test."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from core.db.engine import make_engine
from core.db.migrate import migrate

TEMPLATE = "pilotlight_template"


class PostgreSql:
    """Gives out databases. Those that are migrated are copies of one, which is made once."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = count(1)
        # Tests need no disk that survives a power cut.
        self._run("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
        self._run(f"CREATE DATABASE {TEMPLATE}")
        engine = make_engine(self._url(TEMPLATE))
        migrate(engine)
        engine.dispose()

    @contextmanager
    def database(self, *, migrated: bool = True, like: str = "") -> Iterator[str]:
        """The URL of a database that nobody else uses, dropped afterwards. ``like``: URL of one to copy, which nobody
        may be using."""
        name = f"test_{next(self._numbers)}"
        empty = TEMPLATE if migrated else "template0"
        self._run(f"CREATE DATABASE {name} TEMPLATE {make_url(like).database if like else empty}")
        try:
            yield self._url(name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://")

    def _run(self, *statements: str) -> None:
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@contextmanager
def start_postgresql() -> Iterator[PostgreSql]:
    """Skips, and says so, where the package is not installed."""
    pgserver = pytest.importorskip("pgserver", reason="tests on PostgreSQL need the package pgserver")
    # Started by root it changes to a user of its own, who must be able to reach the folder; a short path, since a
    # socket lies in it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield PostgreSql(server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
