"""What a job sees of the outside: where it stands, whether it should stop, and where it writes what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import update

from core.db.tables import Job, JobFile, utc_now
from core.db.unit_of_work import Database
from core.errors import Cancelled

WRITE_EVERY = 0.4  # seconds between progress writes: a page polls once a second, the database need not see more
CHECK_EVERY = 0.5


class Interrupted(BaseException):
    """The worker is shutting down; the job goes back to the queue and is resumed. Not an error of the job's."""


class JobContext:
    """Progress, cancellation and resumption of one running job."""

    def __init__(self, database: Database, job: Job, stopping: Callable[[], bool]) -> None:
        self.database = database
        self.job_id = job.id
        self.workspace_id = job.workspace_id
        self.knowledge_base_id = job.knowledge_base_id
        self.arguments: Mapping[str, Any] = dict(job.arguments)
        self.attempts = job.attempts
        self._stopping = stopping
        self._written = 0.0
        self._checked = 0.0

    def check(self, *, now: bool = False) -> None:
        """Raises Cancelled when somebody asked for it, Interrupted when the worker stops. Cheap; call it often."""
        if self._stopping():
            raise Interrupted
        if not now and time.monotonic() - self._checked < CHECK_EVERY:
            return
        self._checked = time.monotonic()
        with self.database.read(self.workspace_id) as rows:
            requested = rows.session.scalar(rows.columns(Job, Job.cancel_requested, where=[Job.id == self.job_id]))
        if requested is None or requested:
            raise Cancelled("cancelled")

    def progress(self, stage: str, done: int, total: int, *, file_id: int | None = None, force: bool = False) -> None:
        """Says what was really done, for the job or for one of its files; written at most a few times a second."""
        self.check()
        if not force and done < total and time.monotonic() - self._written < WRITE_EVERY:
            return
        self._written = time.monotonic()
        values: dict[str, Any] = {"stage": stage, "done": done, "total": total}
        with self.database.write(self.workspace_id) as rows:
            if file_id is None:
                rows.session.execute(update(Job).where(Job.id == self.job_id).values(**values))
            else:
                rows.session.execute(update(JobFile).where(JobFile.id == file_id).values(**values))
                rows.session.execute(update(Job).where(Job.id == self.job_id).values(stage=stage))

    def finish(self, **result: Any) -> None:
        """Merges ``result`` into what the job says it achieved."""
        with self.database.write(self.workspace_id) as rows:
            job = rows.get(Job, self.job_id)
            job.result = {**job.result, **result}
            job.heartbeat_at = utc_now()
