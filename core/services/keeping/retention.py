"""What is older than the workspace keeps it goes, a batch at a time; a preview says beforehand what that would be."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Text, cast, func, select

from core.access.actor import Actor, Permission, Role
from core.access.audit import record
from core.db.content_tables import ContentVoice
from core.db.link_tables import DemoUse
from core.db.recommend_tables import CatalogueVersion
from core.db.sentiment_tables import SentimentBatch
from core.db.studio_tables import DataSetVersion
from core.db.tables import Conversation, DocumentVersion, Handoff, Job, JobFile, Workspace, utc_now
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.services.files import stored_path
from core.services.jobs import FINISHED
from core.services.privacy import KINDS, privacy_of
from core.services.sentiment.batches import batch_folder

log = structlog.get_logger(__name__)
BATCH = 200
PORTION = 1000  # rows of a kind at one look
EVERY = 3600.0  # seconds between two looks of the worker


@dataclass(frozen=True, slots=True)
class Due:
    """What of a kind is older than ``days``. ``oldest`` is None where nothing is."""

    kind: str
    days: int
    number: int
    oldest: datetime | None


def preview(app: Application, actor: Actor, days: Mapping[str, int] | None = None) -> list[Due]:
    """What would go now, with the days that are set or with others. Removes nothing."""
    actor.require(Permission.WORKSPACE)
    kept = {**privacy_of(app, actor.workspace_id).days, **(days or {})}
    with app.database.read(actor.workspace_id) as rows:
        return [_due(rows, kind, kept[kind]) for kind in KINDS]


def _due(rows: Rows, kind: str, days: int) -> Due:
    if days == 0:
        return Due(kind, 0, 0, None)
    table, when, where = _older(kind, days)
    number, oldest = rows.session.execute(rows.columns(table, func.count(), func.min(when), where=where)).one()
    return Due(kind, days, int(number), oldest)


def _older(kind: str, days: int) -> tuple[Any, Any, list[Any]]:
    limit = utc_now() - timedelta(days=days)
    if kind == "conversations":
        waited = select(Handoff.conversation_id).where(Handoff.state != "closed")
        return Conversation, Conversation.updated_at, [Conversation.updated_at < limit, Conversation.id.not_in(waited)]
    if kind == "demo_uses":
        return DemoUse, DemoUse.created_at, [DemoUse.created_at < limit]
    if kind == "sentiment_files":
        busy = select(Job.id).where(Job.state.not_in(FINISHED))
        idle = SentimentBatch.job_id.is_(None) | SentimentBatch.job_id.not_in(busy)
        return SentimentBatch, SentimentBatch.created_at, [SentimentBatch.created_at < limit, idle]
    return Job, Job.finished_at, [Job.finished_at < limit, Job.state.in_(FINISHED)]


def apply_retention(app: Application, workspace_id: int, most: int = 1_000_000) -> dict[str, int]:
    """Removes what is due, of each kind at most so many, and records how much it was."""
    days = privacy_of(app, workspace_id).days
    removed = {kind: _remove(app, workspace_id, kind, days[kind], most) for kind in KINDS if days[kind]}
    gone = {kind: number for kind, number in removed.items() if number}
    if gone:
        worker = Actor(workspace_id, "worker", Role.OWNER, name="worker")
        with app.database.write(workspace_id) as rows:
            record(rows, worker, "retention.applied", "", **gone)
        log.info("retention applied", workspace=workspace_id, **gone)
    return gone


def _remove(app: Application, workspace_id: int, kind: str, days: int, most: int) -> int:
    table, _, where = _older(kind, days)
    number = 0
    while number < most:  # a batch a transaction: nobody waits long for the write lock
        with app.database.write(workspace_id) as rows:
            found = rows.all(rows.select(table, *where).order_by(table.id).limit(min(BATCH, most - number)))
            rows.delete(table, table.id.in_([row.id for row in found]))
        if not found:
            break
        number += len(found)
        for row in found:
            if kind == "sentiment_files":
                _remove_file(app, workspace_id, row)
    return number


def _remove_file(app: Application, workspace_id: int, batch: SentimentBatch) -> None:
    shutil.rmtree(batch_folder(app.settings, workspace_id, batch.id), ignore_errors=True)
    if batch.sha256 and not _named(app, batch.sha256):
        stored_path(app.settings, batch.sha256).unlink(missing_ok=True)


def _named(app: Application, sha256: str) -> bool:
    """Whether anything else, in whatever workspace, was made from the same bytes."""
    wheres = [
        SentimentBatch.sha256 == sha256,
        DocumentVersion.file_sha256 == sha256,
        JobFile.file_sha256 == sha256,
        CatalogueVersion.file_sha256 == sha256,
        cast(DataSetVersion.mapping, Text).contains(sha256),
        cast(ContentVoice.sources, Text).contains(sha256),
        cast(Job.arguments, Text).contains(sha256) & Job.state.not_in(FINISHED),
    ]
    with app.database.system() as session:
        return any(session.scalar(select(1).where(where).limit(1)) for where in wheres)


class Keeper:
    """The worker's hourly look over all workspaces, between two signs of life: what is much goes in portions."""

    def __init__(self, app: Application, clock: Callable[[], float] = time.monotonic, most: int = PORTION) -> None:
        self._app = app
        self._clock = clock
        self._most = most
        self._next = 0.0

    def look(self) -> bool:
        """Whether it was time for one."""
        if self._clock() < self._next:
            return False
        self._next = self._clock() + EVERY
        with self._app.database.system() as session:
            workspaces = list(session.scalars(select(Workspace.id)))
        gone = [number for one in workspaces for number in apply_retention(self._app, one, self._most).values()]
        if max(gone, default=0) >= self._most:
            self._next = self._clock()
        return True
