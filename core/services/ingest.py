"""Documents in: the page's and the CLI's side (store the bytes, queue a job). The work itself is in ingest_job."""

from __future__ import annotations

from collections.abc import Sequence

from core.access.actor import Actor, Permission
from core.db.tables import Job, JobFile, KnowledgeBase
from core.errors import BadInput
from core.jobs.worker import enqueue
from core.services import files, quota
from core.services.application import Application
from core.services.views import Upload

KIND = "ingest"


def start_ingest(app: Application, actor: Actor, knowledge_base_id: int, uploads: Sequence[Upload]) -> int:
    """Stores the files and queues their ingest; returns the job's id.

    A file over the size limit becomes a failed line of the job and never stops the others. Raises BadInput when there
    are no files, NotFound when there is no such knowledge base, OverLimit when they do not fit into what is left.
    """
    actor.require(Permission.KNOWLEDGE_WRITE)
    if not uploads:
        raise BadInput("ingest.no_files")
    with app.database.read(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, knowledge_base_id)
    lines: list[JobFile] = []
    for upload in uploads:
        line = JobFile(name=files.clean_name(upload.name), file_sha256="", size=0, error={})
        try:
            line.file_sha256, line.size = files.store(app.settings, upload)
        except BadInput as error:
            line.state, line.error = "failed", {"code": error.code, "values": error.values}
        lines.append(line)
    with app.database.write(actor.workspace_id) as rows:
        taken, subjects = [line for line in lines if line.state != "failed"], quota.subjects_of(actor)
        quota.spend_in(rows, subjects, "documents", len(taken))
        quota.spend_in(rows, subjects, "storage_bytes", sum(line.size for line in taken))
        job = rows.add(Job(kind=KIND, knowledge_base_id=knowledge_base_id, total=len(lines)))
        for line in lines:
            line.job_id = job.id
        rows.add_all(lines)
        job_id = job.id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return job_id
