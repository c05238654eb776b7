"""Writes the audit log and checks its chain: an entry changed, removed or put in between breaks every seal after it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from core.access.actor import Actor
from core.db.audit_tables import AuditEntry
from core.db.tables import Workspace
from core.db.unit_of_work import Rows


def record(rows: Rows, actor: Actor, action: str, target: str = "", **details: Any) -> AuditEntry:
    """Adds an entry in the unit of work that does what it tells of: both are stored or neither.

    ``details``: JSON values without personal data or secrets. ``rows`` must be a unit of work that writes.
    """
    # Two writers of a workspace must not take one number; SQLite's write lock sees to that by itself.
    rows.session.execute(select(Workspace.id).where(Workspace.id == rows.workspace_id).with_for_update())
    last = rows.session.scalars(rows.select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).first()
    number, previous = (last.number + 1, last.sha256) if last else (1, "")
    entry = AuditEntry(
        number=number, at=datetime.now(UTC), actor=(actor.name or actor.visitor)[:200], role=actor.role.value,
        action=action, target=target[:400], details=details, previous=previous,
    )  # fmt: skip
    entry.sha256 = seal(entry)
    return rows.add(entry)


def seal(entry: AuditEntry) -> str:
    """SHA-256 (hex) of what the entry says, its number and the seal before it."""
    said = [
        entry.number, entry.at.astimezone(UTC).isoformat(), entry.actor, entry.role, entry.action, entry.target,
        entry.details, entry.previous,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """The number at which a chain, read from its beginning, no longer holds; None when all of it does."""
    previous = ""
    for number, entry in enumerate(entries, 1):
        if entry.number != number or entry.previous != previous or entry.sha256 != seal(entry):
            return number
        previous = entry.sha256
    return None
