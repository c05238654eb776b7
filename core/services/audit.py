"""The audit log as people read it: filtered, in pages, exported, verified. Nothing here changes an entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from core.access.actor import Actor, Permission
from core.access.audit import record, seal
from core.db.audit_tables import AuditEntry
from core.db.searching import says
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.text.cells import harmless

BATCH = 1000
COLUMNS = ("number", "at", "actor", "role", "action", "target", "details", "sha256")


@dataclass(frozen=True, slots=True)
class AuditView:
    number: int
    at: datetime
    actor: str
    role: str
    action: str
    target: str
    details: dict[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, the newest first, and how many fit the filter altogether."""

    entries: tuple[AuditView, ...]
    total: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """``actor`` and ``action`` are parts of what stands there, whatever the case. Days are of UTC, both included."""

    actor: str = ""
    action: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """``broken`` is the number of the first entry that does not hold, None when all of the ``entries`` do.

    A chain cannot show by itself that its end was cut off: keep ``last`` (number and seal) elsewhere and compare.
    """

    entries: int
    broken: int | None
    last: str


EVERYTHING = AuditFilter()


def list_entries(
    app: Application, actor: Actor, chosen: AuditFilter = EVERYTHING, *, limit: int = 50, offset: int = 0
) -> AuditPage:
    """A page of the log."""
    actor.require(Permission.AUDIT)
    where = _where(chosen)
    with app.database.read(actor.workspace_id) as rows:
        newest = rows.select(AuditEntry, *where).order_by(AuditEntry.number.desc())
        found = rows.all(newest.limit(limit).offset(offset))
        return AuditPage(tuple(_view(row) for row in found), rows.count(AuditEntry, *where))


def actions(app: Application, actor: Actor) -> list[str]:
    """The names of what was ever done, to choose from."""
    actor.require(Permission.AUDIT)
    with app.database.read(actor.workspace_id) as rows:
        return sorted(rows.session.scalars(rows.columns(AuditEntry, AuditEntry.action).distinct()))


def verify(app: Application, actor: Actor) -> Verified:
    """Reads the whole chain of the workspace."""
    actor.require(Permission.AUDIT)
    return verify_chain(app, actor.workspace_id)


def verify_chain(app: Application, workspace_id: int) -> Verified:
    """The same for the command line, which reads every workspace."""
    previous, number = "", 0
    with app.database.read(workspace_id) as rows:
        for entry in _all(rows, []):
            number += 1
            if entry.number != number or entry.previous != previous or entry.sha256 != seal(entry):
                return Verified(number - 1, number, f"{number - 1}:{previous}")
            previous = entry.sha256
    return Verified(number, None, f"{number}:{previous}")


def holds(app: Application, workspace_id: int, expected: str) -> bool:
    """Whether the entry ``NUMBER:SEAL``, noted earlier, still stands in the log as it did."""
    number, _, sha256 = expected.partition(":")
    if number == "0":
        return True
    with app.database.read(workspace_id) as rows:
        wanted = AuditEntry.number == int(number) if number.isdigit() else AuditEntry.number == -1
        return rows.find(AuditEntry, wanted, AuditEntry.sha256 == sha256) is not None


def export_entries(
    app: Application, actor: Actor, form: Literal["csv", "json"] = "csv", chosen: AuditFilter = EVERYTHING
) -> bytes:
    """The log from its beginning, as CSV (for a spreadsheet) or JSON (to verify it elsewhere). Is audited itself."""
    actor.require(Permission.AUDIT)
    with app.database.write(actor.workspace_id) as rows:
        views = [_view(row) for row in _all(rows, _where(chosen))]
        record(rows, actor, "audit.exported", form, entries=len(views))
    if form == "json":
        return json.dumps([_plain(view) for view in views], ensure_ascii=False, indent=1).encode()
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for view in views:
        fields = {**_plain(view), "details": json.dumps(view.details, ensure_ascii=False, sort_keys=True)}
        table.writerow([harmless(str(fields[name])) for name in COLUMNS])
    return out.getvalue().encode("utf-8-sig")  # spreadsheets take it for another encoding without the mark


def _where(chosen: AuditFilter) -> list[Any]:
    where: list[Any] = []
    if chosen.actor.strip():
        where.append(says(AuditEntry.actor, chosen.actor.strip()))
    if chosen.action.strip():
        where.append(says(AuditEntry.action, chosen.action.strip()))
    if chosen.since is not None:
        where.append(AuditEntry.at >= _midnight(chosen.since))
    if chosen.until is not None:
        where.append(AuditEntry.at < _midnight(chosen.until) + timedelta(days=1))
    return where


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _all(rows: Rows, where: Sequence[Any]) -> Iterator[AuditEntry]:
    """In the order of the chain, a batch at a time."""
    last = 0
    while True:
        page = rows.select(AuditEntry, AuditEntry.number > last, *where).order_by(AuditEntry.number).limit(BATCH)
        found = rows.all(page)
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1].number
        rows.session.expunge_all()


def _view(row: AuditEntry) -> AuditView:
    return AuditView(row.number, row.at, row.actor, row.role, row.action, row.target, dict(row.details), row.sha256)


def _plain(view: AuditView) -> dict[str, Any]:
    return {**asdict(view), "at": view.at.astimezone(UTC).isoformat()}
