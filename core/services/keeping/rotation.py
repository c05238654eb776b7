"""The key in force: checked at the start, changed by a rotation that may be killed and begun again at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.access.encryption import Cipher, cipher_of, hidden, key_of_file, key_of_text, shown
from core.db.encrypted import EncryptedJSON, EncryptedText
from core.db.portable import shapes
from core.db.privacy_tables import EncryptionCheck
from core.db.tables import Base
from core.db.unit_of_work import Database
from core.errors import BadInput
from core.services.application import Application
from core.services.files import rewrite
from core.services.sentiment.batches import judged_files
from core.services.studio.rows_at_rest import data_set_files

BATCH = 200
KNOWN, PLACE = "pilotlight", "encryption_check.token"
Progress = Callable[[str, int], None]


def check_key(database: Database, cipher: Cipher | None) -> None:
    """Raises Unavailable, with the key that is needed, when what is stored cannot be read with the settings' keys."""
    with database.system() as session:
        row = session.get(EncryptionCheck, 1)
    if row is not None:
        shown(cipher, row.token, PLACE)
    elif cipher is not None:
        with database.system(writing=True) as session:
            if session.get(EncryptionCheck, 1) is None:
                session.add(EncryptionCheck(id=1, token=cipher.encrypt(KNOWN, PLACE)))


def rotate(
    app: Application, actor: Actor, *, decrypt: bool = False, progress: Progress = lambda place, number: None
) -> int:
    """Encrypts with the first key of the settings whatever is plain or under another key; how many values changed.

    ``decrypt`` makes everything plain instead. A batch is one transaction and says by itself under which key it is:
    begun again, the rotation goes on where it was stopped. What somebody writes meanwhile is never overwritten.
    """
    actor.require(Permission.WORKSPACE)
    cipher = cipher_of(app.settings)
    if cipher is None:
        raise BadInput("encryption.no_key")
    target = None if decrypt else cipher
    with app.database.write(actor.workspace_id) as rows:
        record(rows, actor, "encryption.removed" if decrypt else "encryption.rotated", cipher.current)
    number = 0
    for table, column, place, is_json in _columns():
        changed = _column(app.database.engine, cipher, target, table, column, place, is_json=is_json)
        progress(place, changed)
        number += changed
    changed = sum(_file(path, cipher, target) for path in _files(app))
    progress("files", changed)
    with app.database.system(writing=True) as session:
        row = session.get(EncryptionCheck, 1)
        if row is not None and decrypt:
            session.delete(row)
        elif row is not None:
            row.token = cipher.encrypt(KNOWN, PLACE)
    return number + changed


def _columns() -> Iterator[tuple[str, str, str, bool]]:
    shapes()  # every module of tables is imported by it
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText | EncryptedJSON):
                yield table.name, column.name, column.type.place, isinstance(column.type, EncryptedJSON)


def _column(
    engine: Engine, cipher: Cipher, target: Cipher | None, table: str, column: str, place: str, *, is_json: bool
) -> int:
    rows = sa.table(table, sa.column("id", sa.Integer()), sa.column(column))
    stored = sa.cast(rows.c[column], sa.Text())
    last, changed = 0, 0
    new: Any = sa.bindparam("new", type_=sa.Text())
    value = sa.cast(new, sa.JSON) if is_json and engine.dialect.name != "sqlite" else new
    change = sa.update(rows).where(rows.c.id == sa.bindparam("row"), stored == sa.bindparam("old", type_=sa.Text()))
    wanted = target.current if target else ""
    while True:
        with engine.execution_options(writing=True).begin() as connection:
            page = sa.select(rows.c.id, stored).where(rows.c.id > last, stored != "").order_by(rows.c.id).limit(BATCH)
            found = connection.execute(page).all()
            if not found:
                return changed
            last = found[-1][0]
            for row, old in found:
                text = json.loads(old) if is_json else old
                if not text or (key_of_text(text) if isinstance(text, str) else "") == wanted:
                    continue
                again = (
                    _json(cipher, target, text, place) if is_json else hidden(target, shown(cipher, text, place), place)
                )
                result = connection.execute(change.values({column: value}), {"row": row, "old": old, "new": again})
                changed += result.rowcount


def _json(cipher: Cipher, target: Cipher | None, value: Any, place: str) -> str:
    plain = shown(cipher, value, place) if isinstance(value, str) else json.dumps(value)
    return plain if target is None else json.dumps(target.encrypt(plain, place))


def _files(app: Application) -> Iterator[Path]:
    """Originals, rows of data sets, judged files. What a job is still writing is encrypted by the job at its end."""
    folder = app.settings.files_dir
    for path in sorted(folder.glob("??/*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            yield path
    yield from data_set_files(app.settings)
    yield from judged_files(app)


def _file(path: Path, cipher: Cipher, target: Cipher | None) -> bool:
    try:
        if key_of_file(path) == (target.current if target else ""):
            return False
        rewrite(path, cipher, target)
    except FileNotFoundError:  # deleted meanwhile
        return False
    return True
