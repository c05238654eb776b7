"""One file with everything that cannot be made again, written while the product runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.migrate import revision
from core.db.portable import lines, shapes, snapshot
from core.db.tables import utc_now
from core.errors import BadInput
from core.services.application import Application
from core.services.keeping.archive import CHUNK, FOLDERS, ROWS, Writer, checked_name, writing
from core.settings import Settings

FORMAT = 1
_SKIPPED = frozenset({"checkpoints", "converted"})  # of trainings that go on, and caches
# Addresses may carry a password; where things lie and what the server listens on is of the machine, not of the data.
_OF_THE_MACHINE = frozenset({"data_dir", "index_dir", "models_dir", "watch_dir", "host", "port", "encryption_key_file"})


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds. ``size`` in bytes, compressed."""

    path: Path
    rows: int
    files: int
    size: int


def back_up(app: Application, actor: Actor, target: Path) -> BackedUp:
    """Writes the backup ``target`` (.tar.zst or .tar.gz) of all workspaces: one moment of the database, then the files.

    Files are only ever added or removed as a whole, so those that the rows name are there. Indexes and caches are left
    out: they are built anew. Raises BadInput when the name does not fit or is taken; then nothing is written.
    """
    actor.require(Permission.WORKSPACE)
    checked_name(target)
    if target.exists():
        raise BadInput("backup.exists", name=str(target))
    if not target.parent.is_dir():
        raise BadInput("backup.no_folder", folder=str(target.parent))
    unfinished = target.with_name(f"{target.name}.partial")
    unfinished.unlink(missing_ok=True)
    with app.database.write(actor.workspace_id) as rows:
        record(rows, actor, "backup.made", target.name)
    try:
        with writing(unfinished) as archive:
            counts = _database(app, archive)
            files = _files(app.settings, archive)
            archive.finish(_facts(app, counts))
        _flush(unfinished)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return BackedUp(target, sum(table["rows"] for table in counts.values()), files, target.stat().st_size)


def _database(app: Application, archive: Writer) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    with snapshot(app.database.engine) as connection:
        for shape in shapes():
            number = 0

            def counted(found: Iterator[bytes]) -> Iterator[bytes]:
                nonlocal number
                for line in found:
                    number += 1
                    yield line

            archive.add(f"{ROWS}/{shape.name}.jsonl", counted(lines(connection, shape)))
            counts[shape.name] = {"rows": number, "columns": shape.columns, "key": shape.key}
    return counts


def _files(settings: Settings, archive: Writer) -> int:
    before = len(archive.members)
    for folder in FOLDERS:
        for place, folders, names in os.walk(settings.data_dir / folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
            for name in sorted(names):
                path = Path(place) / name
                if name.startswith(".") or name.endswith((".tmp", ".lock", ".part")) or path.is_symlink():
                    continue
                try:
                    opened = path.open("rb")
                except FileNotFoundError:  # removed meanwhile, together with what named it
                    continue
                with opened:
                    archive.add(path.relative_to(settings.data_dir).as_posix(), iter(partial(opened.read, CHUNK), b""))
    return len(archive.members) - before


def _facts(app: Application, counts: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "product": product_version(),
        "revision": revision(app.database.engine),
        "made_at": utc_now().isoformat(),
        "database": app.database.engine.dialect.name,
        "settings": portable_settings(app.settings),
        "tables": counts,
    }


def portable_settings(settings: Settings) -> dict[str, Any]:
    """What differs from the defaults and means something on another machine. No secret and no address is among it."""
    kept: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if name in _OF_THE_MACHINE or name.endswith("url") or isinstance(value, SecretStr) or value == field.default:
            continue
        kept[name] = value if isinstance(value, int | float | bool) else str(value)
    return kept


def product_version() -> str:
    try:
        return version("pilotlight")
    except PackageNotFoundError:  # run from a checkout, as it mostly is
        import tomllib

        project = Path(__file__).resolve().parents[3] / "pyproject.toml"
        return str(tomllib.loads(project.read_text())["project"]["version"]) if project.is_file() else "unknown"


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
