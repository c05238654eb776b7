"""Units of work: ``with database.write(workspace) as rows:`` commits at its end and rolls back on any error.

The repository (:class:`Rows`) scopes every query by workspace, so that no caller can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Delete, Engine, Select, Update, delete, func, select, update
from sqlalchemy.orm import Session

from core.db.tables import Base, Scoped, Workspace
from core.errors import NotFound

T = TypeVar("T", bound=Base)
MOST_ID = 2**31 - 1
WORKSPACE_LOCK = 1  # class of PostgreSQL's advisory locks; the second number is the workspace


class Rows:
    """All rows of one workspace. Nothing outside it can be read, changed or removed through this object."""

    def __init__(self, session: Session, workspace_id: int) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def _column(self, table: type[Any]) -> Any:
        if not issubclass(table, Scoped):
            raise TypeError(f"{table.__name__} belongs to no workspace and cannot be read through Rows")
        return table.workspace_id

    def select(self, table: type[T], *where: Any) -> Select[T]:
        """A scoped SELECT to which order, limit and options may be added."""
        return select(table).where(self._column(table) == self.workspace_id, *where)

    def columns(self, table: type[Any], *columns: Any, where: Sequence[Any] = ()) -> Select[Any]:
        """A scoped SELECT of single columns."""
        return select(*columns).where(self._column(table) == self.workspace_id, *where)

    def all(self, statement: Select[T]) -> list[T]:
        return list(self.session.scalars(statement))

    def find(self, table: type[T], *where: Any) -> T | None:
        """The first row that fits, or None."""
        return self.session.scalars(self.select(table, *where).limit(1)).first()

    def get(self, table: type[T], row_id: int) -> T:
        """The row with this id in this workspace. Raises NotFound."""
        possible = 0 < row_id <= MOST_ID  # a number that the database cannot hold is an error there, not a miss
        row = self.find(table, table.id == row_id) if possible else None  # type: ignore[attr-defined]
        if row is None:
            raise NotFound("not_found", what=table.__tablename__.replace("_", " "), id=row_id)
        return row

    def count(self, table: type[Any], *where: Any) -> int:
        statement = select(func.count()).select_from(table).where(self._column(table) == self.workspace_id, *where)
        return int(self.session.scalar(statement) or 0)

    def add(self, row: T) -> T:
        """Stores ``row`` under this workspace and gives it its id."""
        self._column(type(row))
        row.workspace_id = self.workspace_id  # type: ignore[attr-defined]
        self.session.add(row)
        self.session.flush()
        return row

    def add_all(self, rows: Sequence[Base]) -> None:
        for row in rows:
            self._column(type(row))
            row.workspace_id = self.workspace_id  # type: ignore[attr-defined]
        self.session.add_all(rows)
        self.session.flush()

    def update(self, table: type[Any], *where: Any, **values: Any) -> int:
        """Scoped UPDATE; the number of rows changed."""
        statement: Update = update(table).where(self._column(table) == self.workspace_id, *where).values(**values)
        return self._rowcount(statement)

    def delete(self, table: type[Any], *where: Any) -> int:
        """Scoped DELETE; the number of rows removed."""
        statement: Delete = delete(table).where(self._column(table) == self.workspace_id, *where)
        return self._rowcount(statement)

    def _rowcount(self, statement: Update | Delete) -> int:
        result = self.session.execute(statement, execution_options={"synchronize_session": "fetch"})
        assert isinstance(result, CursorResult)
        return int(result.rowcount)


class Database:
    """Opens units of work on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(writing=True)

    @contextmanager
    def read(self, workspace_id: int) -> Iterator[Rows]:
        """A short read. What is loaded stays usable after it."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield Rows(session, workspace_id)

    @contextmanager
    def write(self, workspace_id: int) -> Iterator[Rows]:
        """A short write: committed at the end of the block, rolled back when it raises.

        Holds SQLite's write lock; on PostgreSQL the writers of one workspace wait for each other in the same way, so
        that what a service read in the block is still so when it writes.
        """
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.execute(select(func.pg_advisory_xact_lock(WORKSPACE_LOCK, workspace_id)))
            yield Rows(session, workspace_id)

    @contextmanager
    def system(self, *, writing: bool = False) -> Iterator[Session]:
        """A session over all workspaces, for the worker, migrations and start-up only."""
        with Session(self._writing if writing else self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def workspace(self, slug: str) -> Workspace | None:
        with self.system() as session:
            return session.scalars(select(Workspace).where(Workspace.slug == slug)).first()
