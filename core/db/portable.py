"""Rows as JSON lines that mean the same in every database: what a backup holds and what a move carries over.

A row is an array in the order of its columns. Times are ISO 8601 in UTC, bytes base64, JSON columns the text that
stands in the database (so that nothing is lost by reading it). Encrypted columns stay encrypted. A table's lines come
in the order of its primary key, so that equal tables have equal checksums wherever they are.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

import core.db
from core.db.tables import Base, UtcDateTime

BATCH = 500
# What says which processes live is of no use elsewhere.
LEFT_OUT = frozenset({"worker"})
_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "time": UtcDateTime(), "bytes": sa.LargeBinary(), "json": sa.Text(), "bool": sa.Boolean(), "int": sa.BigInteger(),
    "float": sa.Double(), "text": sa.Text(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A table by name: its columns with the kind of each, and those of its primary key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    @property
    def table(self) -> sa.TableClause:
        return sa.table(self.name, *(sa.column(name, _TYPES[kind]) for name, kind in self.columns))


def shapes() -> list[Shape]:
    """Every table of the product, those that others refer to first."""
    for module in pkgutil.iter_modules(core.db.__path__):
        if module.name.endswith("tables"):
            importlib.import_module(f"core.db.{module.name}")
    return [
        Shape(
            table.name,
            tuple((column.name, _kind(column.type)) for column in table.columns),
            tuple(column.name for column in table.primary_key),
        )
        for table in Base.metadata.sorted_tables
        if table.name not in LEFT_OUT
    ]


def _kind(column: sa.types.TypeEngine[Any]) -> str:
    plain = column.impl_instance if isinstance(column, sa.types.TypeDecorator) else column
    for kind, known in (
        ("time", sa.DateTime),
        ("bytes", sa.LargeBinary),
        ("json", sa.JSON),
        ("bool", sa.Boolean),
        ("int", sa.Integer),
        ("float", sa.Float),
        ("text", sa.String),
    ):
        if isinstance(plain, known):
            return kind
    raise TypeError(f"a column of type {plain!r} has no portable form yet")


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment of the database until it is closed; writers are not held up."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":  # SQLite's write-ahead log gives every transaction its snapshot
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(sa.text("SELECT 1 FROM alembic_version"))  # the snapshot is taken by the first read
            yield connection


def lines(connection: Connection, shape: Shape) -> Iterator[bytes]:
    """The rows of a table, one a line."""
    columns = [
        sa.cast(sa.column(name), sa.Text).label(name) if kind == "json" else sa.column(name, _TYPES[kind])
        for name, kind in shape.columns
    ]
    statement = sa.select(*columns).select_from(shape.table).order_by(*(sa.column(name) for name in shape.key))
    kinds = [kind for _, kind in shape.columns]
    found = connection.execute(statement, execution_options={"yield_per": BATCH})
    for row in found:
        values = [_write(kind, value) for kind, value in zip(kinds, row, strict=True)]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _write(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "time":
        return value.astimezone(UTC).isoformat()
    return base64.b64encode(value).decode() if kind == "bytes" else value


def _read(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "time":
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if kind == "bytes" else value


def load(connection: Connection, shape: Shape, rows: Iterable[bytes]) -> int:
    """Inserts lines into an empty table, a batch at a time; their number."""
    values = {
        name: sa.cast(sa.bindparam(name, type_=sa.Text()), sa.JSON)
        for name, kind in shape.columns
        if kind == "json" and connection.dialect.name != "sqlite"
    }
    names = [name for name, _ in shape.columns]
    statement = sa.insert(shape.table).values({name: sa.bindparam(name) for name in names} | values)
    batch: list[dict[str, Any]] = []
    number = 0
    for line in rows:
        fields = json.loads(line)
        pairs = zip(shape.columns, fields, strict=True)
        batch.append({name: _read(kind, value) for (name, kind), value in pairs})
        if len(batch) == BATCH:
            connection.execute(statement, batch)
            number, batch = number + len(batch), []
    if batch:
        connection.execute(statement, batch)
    return number + len(batch)


def digest(connection: Connection, shape: Shape) -> tuple[int, str]:
    """Rows of a table and the SHA-256 of its lines."""
    found, number = hashlib.sha256(), 0
    for line in lines(connection, shape):
        found.update(line)
        number += 1
    return number, found.hexdigest()


def filled(connection: Connection, names: Sequence[str]) -> list[str]:
    """Which of these tables hold a row."""
    there = set(sa.inspect(connection).get_table_names()).intersection(names)
    tables = [sa.table(name) for name in names if name in there]
    return [
        table.name
        for table in tables
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
    ]


def set_sequences(connection: Connection, wanted: Iterable[Shape]) -> None:
    """PostgreSQL counts ids apart from the rows: the next one must follow those that were loaded."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    for shape in wanted:
        if dict(shape.columns).get("id") != "int":
            continue
        highest = connection.scalar(sa.select(sa.func.max(sa.column("id"))).select_from(shape.table))
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :value, :used)"),
            {"table": quote(shape.name), "value": highest or 1, "used": highest is not None},
        )
