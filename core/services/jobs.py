"""Long work as people see it: what runs, how far it is, cancel, try again."""

from __future__ import annotations

from sqlalchemy import select

from core.access.actor import Actor, Permission
from core.db.tables import Job, JobFile, utc_now
from core.errors import Conflict
from core.jobs.worker import alive, enqueue
from core.services.application import Application
from core.services.views import JobFileView, JobView

FINISHED = ("done", "failed", "cancelled")
SHOWN_FILES = 500


def list_jobs(
    app: Application, actor: Actor, knowledge_base_id: int | None = None, *, kind: str = "", limit: int = 20
) -> list[JobView]:
    """The newest jobs first, without their files."""
    actor.require(Permission.KNOWLEDGE_READ)
    where = [] if knowledge_base_id is None else [Job.knowledge_base_id == knowledge_base_id]
    where += [Job.kind == kind] if kind else []
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(Job, *where).order_by(Job.id.desc()).limit(limit))
    living = alive(app.database, app.settings.heartbeat_seconds)
    return [_view(job, (), living) for job in found]


def get_job(app: Application, actor: Actor, job_id: int) -> JobView:
    """One job with its files (the first 500; failed and running ones first). Raises NotFound."""
    actor.require(Permission.KNOWLEDGE_READ)
    with app.database.read(actor.workspace_id) as rows:
        job = rows.get(Job, job_id)
        lines = rows.all(rows.select(JobFile, JobFile.job_id == job_id).order_by(JobFile.id))
    order = {"running": 0, "failed": 1, "held": 2, "queued": 3}
    lines.sort(key=lambda line: (order.get(line.state, 4), line.id))
    files = tuple(
        JobFileView(line.name, line.state, line.stage, line.done, line.total, line.size, line.error)
        for line in lines[:SHOWN_FILES]
    )
    return _view(job, files, alive(app.database, app.settings.heartbeat_seconds))


def cancel_job(app: Application, actor: Actor, job_id: int) -> None:
    """Asks a running job to stop at its next step; a waiting one ends at once. Finished ones stay as they are."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        job = rows.get(Job, job_id)
        if job.state in FINISHED:
            return
        job.cancel_requested = True
        if job.state == "queued":
            job.state, job.finished_at = "cancelled", utc_now()
            rows.update(JobFile, JobFile.job_id == job_id, JobFile.state == "queued", state="cancelled")


def retry_job(app: Application, actor: Actor, job_id: int) -> int:
    """Runs what failed or was cancelled again, under the same job. Raises Conflict while it still runs."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        job = rows.get(Job, job_id)
        if job.state not in FINISHED:
            raise Conflict("job_still_running", id=job_id)
        again = JobFile.state.in_(("failed", "cancelled")), JobFile.file_sha256 != ""
        rows.update(JobFile, JobFile.job_id == job_id, *again, state="queued", stage="", done=0, total=0, error={})
        job.attempts = 0
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return job_id


def start_job(app: Application, workspace_id: int, kind: str, knowledge_base_id: int, **arguments: object) -> int:
    """Queues a job of ``kind`` unless the same is waiting already; returns its id."""
    with app.database.write(workspace_id) as rows:
        waiting = rows.session.scalars(
            select(Job).where(
                Job.workspace_id == workspace_id,
                Job.kind == kind,
                Job.knowledge_base_id == knowledge_base_id,
                Job.state == "queued",
            )
        )
        for job in waiting:
            if job.arguments == arguments:
                return job.id
        job_id = rows.add(Job(kind=kind, knowledge_base_id=knowledge_base_id, arguments=arguments)).id
    enqueue(app.database, app.queue, workspace_id, job_id)
    return job_id


def _view(job: Job, files: tuple[JobFileView, ...], living: bool) -> JobView:
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        stage=job.stage,
        done=job.done,
        total=job.total,
        created_at=job.created_at,
        finished_at=job.finished_at,
        error=job.error,
        result=job.result,
        files=files,
        worker_alive=living,
    )
