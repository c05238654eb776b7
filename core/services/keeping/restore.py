"""A backup put into an empty place. Everything is unpacked and compared beside it first; then it is moved in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from core.db.engine import make_engine
from core.db.migrate import knows, migrate
from core.db.portable import Shape, digest, filled, load, set_sequences
from core.errors import BadInput, Conflict
from core.services.keeping.archive import FOLDERS, ROWS, unpack
from core.services.keeping.backup import FORMAT, portable_settings
from core.settings import Settings

_STAGING = ".restoring-"
_HARMLESS = frozenset({"lost+found", "models"})  # a mounted disk's own folder; exported models, a cache


@dataclass(frozen=True, slots=True)
class Restored:
    """What stands now in the place. ``settings``: those of the backup that differ here, to be set if wanted."""

    rows: int
    files: int
    made_at: str
    product: str
    settings: Mapping[str, Any]


def restore(settings: Settings, file: Path) -> Restored:
    """Restores ``file`` into ``settings.data_dir`` and its database, which must hold nothing.

    Raises BadInput when the file is damaged, truncated, unsafe or of a newer product, Conflict when the place is not
    empty; in each case nothing there was changed.
    """
    place = settings.data_dir
    _require_empty(place)
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(f"{_STAGING}*"):  # of a restore that was killed
        shutil.rmtree(left)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=place))
    try:
        manifest = unpack(file, staging)
        if manifest.get("format") != FORMAT or not knows(str(manifest.get("revision"))):
            raise BadInput("backup.newer", product=manifest.get("product"), revision=manifest.get("revision"))
        rows = _load_database(settings, staging, manifest)
        for folder in FOLDERS:
            if (staging / folder).is_dir():
                os.replace(staging / folder, place / folder)
        _place_sqlite(settings, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    ours, theirs = portable_settings(settings), dict(manifest.get("settings", {}))
    differ = {name: value for name, value in theirs.items() if ours.get(name) != value}
    files = sum(not name.startswith(f"{ROWS}/") for name in manifest["members"])
    return Restored(rows, files, str(manifest["made_at"]), str(manifest["product"]), differ)


def _require_empty(place: Path) -> None:
    if place.exists() and not place.is_dir():
        raise Conflict("backup.not_a_folder", folder=str(place))
    there = sorted(
        path.name
        for path in (place.iterdir() if place.is_dir() else ())
        if path.name not in _HARMLESS and not path.name.startswith(_STAGING)
    )
    if there:
        raise Conflict("backup.not_empty", folder=str(place), found=", ".join(there[:5]))


def _sqlite_file(settings: Settings) -> Path | None:
    url = make_url(settings.database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _load_database(settings: Settings, staging: Path, manifest: Mapping[str, Any]) -> int:
    target = _sqlite_file(settings)
    if target is not None and target.exists():
        raise Conflict("backup.not_empty", folder=str(target.parent), found=target.name)
    engine = make_engine(f"sqlite:///{staging.resolve() / 'restored.sqlite3'}" if target else settings.database)
    try:
        return _fill(engine, staging, manifest)
    finally:
        engine.dispose()


def _place_sqlite(settings: Settings, staging: Path) -> None:
    target = _sqlite_file(settings)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(staging / "restored.sqlite3", target)


def _fill(engine: Engine, staging: Path, manifest: Mapping[str, Any]) -> int:
    wanted = [
        Shape(name, tuple((column, kind) for column, kind in facts["columns"]), tuple(facts["key"]))
        for name, facts in manifest["tables"].items()
    ]
    with engine.connect() as connection:
        if held := filled(connection, [shape.name for shape in wanted]):
            raise Conflict("database.not_empty", tables=", ".join(held[:5]))
    migrate(engine, str(manifest["revision"]))
    with engine.execution_options(writing=True).begin() as connection:
        number = 0
        for shape in wanted:
            member = f"{ROWS}/{shape.name}.jsonl"
            with loading(shape.name), (staging / member).open("rb") as found:
                number += load(connection, shape, found)
            _compare(connection, shape, int(manifest["tables"][shape.name]["rows"]), manifest["members"][member])
        set_sequences(connection, wanted)
    migrate(engine)
    return number


def _compare(connection: Connection, shape: Shape, rows: int, member: Mapping[str, Any]) -> None:
    """Reads back what was written: the table must give the very lines of the backup."""
    if digest(connection, shape) != (rows, member["sha256"]):
        raise Conflict("database.differs", table=shape.name)


@contextmanager
def loading(table: str) -> Iterator[None]:
    """What a database says when it will not take a row, as one sentence without the row."""
    try:
        yield
    except (SQLAlchemyError, ValueError) as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        raise Conflict("database.refused", table=table, reason=reason) from error
