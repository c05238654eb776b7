"""The ground under everything: transactions, workspaces, migrations."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from core.db import content_tables, studio_tables
from core.db.engine import make_engine
from core.db.migrate import is_current, migrate
from core.db.tables import Base, KnowledgeBase, Workspace
from core.db.unit_of_work import Database
from core.errors import NotFound


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Database:
    found = Database(make_engine(database_url or f"sqlite:///{tmp_path / 'test.sqlite3'}"))
    migrate(found.engine)
    with found.system(writing=True) as session:
        session.add_all([Workspace(id=1, slug="one", name="One"), Workspace(id=2, slug="two", name="Two")])
    return found


def test_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    assert studio_tables.DataSet.metadata is content_tables.ContentDraft.metadata is Base.metadata
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert is_current(database.engine)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrating_from_several_processes_at_once_is_safe(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
        if kind == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database(migrated=False))
        _migrate_at_once(url)


def _migrate_at_once(url: str) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            migrate(make_engine(url))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert errors == []
    assert is_current(make_engine(url))


def test_a_unit_of_work_rolls_back_unless_it_ends_well(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write(1) as rows:
        rows.add(KnowledgeBase(name="lost"))
        raise RuntimeError
    with database.read(1) as rows:
        assert rows.count(KnowledgeBase) == 0


def test_rows_of_another_workspace_cannot_be_read_changed_or_removed(database: Database) -> None:
    with database.write(1) as rows:
        mine = rows.add(KnowledgeBase(name="mine")).id
    with database.write(2) as rows:
        assert rows.all(rows.select(KnowledgeBase)) == []
        with pytest.raises(NotFound):
            rows.get(KnowledgeBase, mine)
        assert rows.update(KnowledgeBase, KnowledgeBase.id == mine, name="theirs") == 0
        assert rows.delete(KnowledgeBase, KnowledgeBase.id == mine) == 0
    with database.read(1) as rows:
        assert rows.get(KnowledgeBase, mine).name == "mine"


def test_adding_always_takes_the_own_workspace(database: Database) -> None:
    with database.write(1) as rows:
        row = rows.add(KnowledgeBase(name="forged", workspace_id=2))
    with database.system() as session:
        assert session.scalar(select(KnowledgeBase.workspace_id).where(KnowledgeBase.id == row.id)) == 1


def test_a_table_without_workspace_cannot_be_reached_through_rows(database: Database) -> None:
    with database.read(1) as rows, pytest.raises(TypeError):
        rows.select(Workspace)


def test_twenty_writers_at_once_never_see_a_locked_database(database: Database) -> None:
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for turn in range(15):
                with database.write(1) as rows:
                    rows.count(KnowledgeBase)  # read first: the upgrade that SQLite refuses without BEGIN IMMEDIATE
                    rows.add(KnowledgeBase(name=f"{number}-{turn}"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert errors == []
    with database.read(1) as rows:
        assert rows.count(KnowledgeBase) == 300
