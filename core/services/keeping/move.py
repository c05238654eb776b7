"""The database carried over to another one: from SQLite to PostgreSQL, or any to any."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from core.db.engine import make_engine
from core.db.migrate import migrate
from core.db.portable import Shape, digest, filled, lines, load, set_sequences, shapes, snapshot
from core.errors import BadInput, Conflict, Unavailable
from core.services.keeping.restore import loading
from core.settings import Settings

Progress = Callable[[str, int], None]


def move_database(settings: Settings, url: str, progress: Progress = lambda table, rows: None) -> int:
    """Copies every table into the empty database ``url``, compares counts and checksums, and returns the rows.

    One transaction writes all of it: whoever kills it on the way leaves the target as empty as it was, and may begin
    again. The source is read as of one moment and is not changed; what is written to it meanwhile is not carried over,
    so stop the product first.

    Raises Conflict when the target holds rows or gives back something else than was written, Unavailable when it
    cannot be reached, BadInput when it is the source itself or no database.
    """
    source, target = make_engine(settings.database), _open(url)
    try:
        if str(source.url) == str(target.url):
            raise BadInput("database.same")
        migrate(source)
        wanted = shapes()
        _require_empty(target, wanted)
        migrate(target)
        with snapshot(source) as reading, target.execution_options(writing=True).begin() as writing:
            return sum(_copy(reading, writing, shape, progress) for shape in wanted) + _sequences(writing, wanted)
    finally:
        source.dispose()
        target.dispose()


def _open(url: str) -> Engine:
    try:
        make_url(url)
    except ArgumentError as error:
        raise BadInput("database.url") from error
    engine = make_engine(url)
    try:
        with engine.connect():
            return engine
    except SQLAlchemyError as error:
        address = make_url(url).render_as_string(hide_password=True)
        raise Unavailable("database.unreachable", address=address) from error


def _require_empty(target: Engine, wanted: list[Shape]) -> None:
    with target.connect() as connection:
        if held := filled(connection, [shape.name for shape in wanted]):
            raise Conflict("database.not_empty", tables=", ".join(held[:5]))


def _copy(reading: Connection, writing: Connection, shape: Shape, progress: Progress) -> int:
    with loading(shape.name):
        rows = load(writing, shape, lines(reading, shape))
    if digest(writing, shape) != digest(reading, shape):
        raise Conflict("database.differs", table=shape.name)
    progress(shape.name, rows)
    return rows


def _sequences(writing: Connection, wanted: list[Shape]) -> int:
    set_sequences(writing, wanted)
    return 0
