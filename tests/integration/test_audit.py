"""The audit log's chain holds, and says at which entry somebody changed it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from core.access.actor import Actor, Role
from core.access.audit import first_broken, record
from core.db.audit_tables import AuditEntry
from core.db.tables import Workspace
from core.db.unit_of_work import Database
from core.services.application import Application

ME = Actor(1, "browser", Role.OWNER, name="ada@example.org")


@pytest.fixture
def filled(app: Application) -> Database:
    database = app.database
    with database.system(writing=True) as session:
        session.add(Workspace(id=2, slug="rival", name="Rival", settings={}))
    for number in range(5):
        with database.write(1) as rows:
            record(rows, ME, "document.deleted", f"document {number}", reason="old", 数=number)
    with database.write(2) as rows:
        record(rows, ME, "key.made", "other workspace")
    return database


def entries(database: Database) -> list[AuditEntry]:
    with database.read(1) as rows:
        return rows.all(rows.select(AuditEntry).order_by(AuditEntry.number))


def test_entries_are_numbered_without_gaps_in_each_workspace_and_the_chain_holds(filled: Database) -> None:
    assert [entry.number for entry in entries(filled)] == [1, 2, 3, 4, 5]
    assert first_broken(entries(filled)) is None
    with filled.read(2) as rows:
        assert [entry.number for entry in rows.all(rows.select(AuditEntry))] == [1]


def changed(statement: str) -> Callable[[Database], None]:
    def change(database: Database) -> None:
        with database.system(writing=True) as session:
            session.execute(text(statement))

    return change


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (changed("UPDATE audit_entry SET target = 'another' WHERE workspace_id = 1 AND number = 3"), 3),
        (changed("UPDATE audit_entry SET details = '{}' WHERE workspace_id = 1 AND number = 1"), 1),
        (changed("DELETE FROM audit_entry WHERE workspace_id = 1 AND number = 2"), 2),
        (changed("UPDATE audit_entry SET at = '2020-01-01 00:00:00.000000' WHERE workspace_id = 1 AND number = 5"), 5),
    ],
)
def test_a_changed_or_removed_entry_breaks_the_chain(
    filled: Database, change: Callable[[Database], None], number: int
) -> None:
    change(filled)
    assert first_broken(entries(filled)) == number


def test_an_entry_is_not_stored_when_what_it_tells_of_fails(filled: Database) -> None:
    with pytest.raises(RuntimeError), filled.write(1) as rows:
        record(rows, ME, "document.deleted", "never")
        raise RuntimeError
    assert len(entries(filled)) == 5
