"""The job that makes the vectors of a catalogue's items, so that a chat need not wait for them."""

from __future__ import annotations

from core.db.tables import Job
from core.jobs.context import JobContext
from core.jobs.worker import enqueue
from core.services.application import Application
from core.services.recommend.snapshot import snapshot
from core.services.recommend.vectors import encoder_of

KIND = "recommend_vectors"
CHUNK = 64  # texts; what is there when a job is killed need not be made again


def start_vectors(app: Application, workspace_id: int, catalogue_id: int) -> None:
    """Queues the job unless one waits or runs already."""
    with app.database.write(workspace_id) as rows:
        moving = rows.all(rows.select(Job, Job.kind == KIND, Job.state.in_(("queued", "running"))))
        if any(one.arguments.get("catalogue_id") == catalogue_id for one in moving):
            return
        job_id = rows.add(Job(kind=KIND, arguments={"catalogue_id": catalogue_id})).id
    enqueue(app.database, app.queue, workspace_id, job_id)


def run_vectors(app: Application, context: JobContext) -> None:
    """Handler of ``recommend_vectors`` jobs."""
    catalogue_id = int(context.arguments["catalogue_id"])
    with app.database.read(context.workspace_id) as rows:
        items = snapshot(app, rows, catalogue_id).items
    encode = encoder_of(app, context.workspace_id, catalogue_id)
    for first in range(0, len(items), CHUNK):
        context.progress("content", first, len(items))
        encode([row.words for row in items.rows[first : first + CHUNK]])
    context.progress("content", len(items), len(items), force=True)
    context.finish(items=len(items))
