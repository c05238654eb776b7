"""A batch: a file of briefs, a draft each, written by the worker in turn; a killed one goes on where it was.

What its drafts cost counts against whoever started it, as if they had written them one by one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from core.access.actor import Actor, Permission
from core.content.templates import Template
from core.db.content_tables import ContentDraft
from core.db.tables import Job
from core.errors import BadInput, Conflict, NotFound, PilotlightError
from core.jobs.context import JobContext
from core.jobs.worker import enqueue
from core.services import files
from core.services.application import Application
from core.services.content import writing
from core.services.content.drafts import delete_draft
from core.services.content.prepare import prepare
from core.services.content.templates import get_template
from core.services.content.views import WriteRequest
from core.services.jobs import FINISHED
from core.services.rows_file import read_rows, text_of
from core.services.views import Upload
from core.text.cells import harmless

KIND = "briefs"
MOST = 2000
_WHO = ("visitor", "account_id", "key_id", "link_id")  # of the actor: who pays for it, and whose drafts they are


def read_briefs(app: Application, template: Template, upload: Upload) -> list[dict[str, str]]:
    """Values by field of every row. Raises BadInput for a file that cannot be read, lacks a required column, holds no
    row or too many."""
    columns = {field.name: frozenset({field.label.lower(), field.name}) for field in template.fields}
    required = template.required[0]
    try:
        rows = read_rows(app.settings, upload, columns, required)
    except PilotlightError as error:
        names = ", ".join(columns)
        if error.code == "chat.import_columns":
            raise BadInput("content.batch_columns", name=upload.name, column=required, fields=names) from error
        if error.code == "chat.import_empty":
            raise BadInput("content.batch_empty", name=upload.name, fields=names) from error
        raise
    if len(rows) > MOST:
        raise BadInput("content.batch_long", name=upload.name, rows=len(rows), most=MOST)
    briefs = [{name: text_of(values, name) for name in columns} for _, values in rows]
    return [{name: value for name, value in brief.items() if value} for brief in briefs]


def example_file(template: Template) -> bytes:
    """A CSV with the template's columns and one brief, to fill in. UTF-8 with a mark, for spreadsheets."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [[field.name for field in template.fields], [harmless(field.example) for field in template.fields]]
    )
    return out.getvalue().encode("utf-8-sig")


def start_batch(app: Application, actor: Actor, request: WriteRequest, upload: Upload) -> int:
    """Queues the batch; the job's id. ``request``: everything but the values, which each row gives.

    Raises what ``read_briefs`` does, and what the first usable brief is refused for (a model that cannot do it ...).
    """
    actor.require(Permission.CONTENT)
    template = get_template(app, actor, request.template, request.language)
    briefs = read_briefs(app, template, upload)
    _try_one(app, actor, request, briefs)
    sha256, _ = files.store(app.settings, upload)
    said = {**asdict(request), "values": {}}
    whose = {name: getattr(actor, name) for name in _WHO}
    arguments = {"request": said, "file": sha256, "name": files.clean_name(upload.name), **whose}
    with app.database.write(actor.workspace_id) as rows:
        job_id = rows.add(Job(kind=KIND, arguments=arguments, total=len(briefs))).id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return job_id


def write_failed_again(app: Application, actor: Actor, job_id: int) -> None:
    """Queues the batch once more for the rows that failed, or that were not reached. Raises Conflict while it runs."""
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        job = rows.get(Job, job_id)
        if job.kind != KIND:
            raise NotFound("not_found", what="batch", id=job_id)
        if job.state not in FINISHED:
            raise Conflict("job_still_running", id=job_id)
        job.attempts = 0
        mine = rows.select(ContentDraft, ContentDraft.job_id == job_id, ContentDraft.state == "failed")
        broken = [draft.id for draft in rows.all(mine)]
    for number in broken:
        delete_draft(app, actor, number)
    enqueue(app.database, app.queue, actor.workspace_id, job_id)


def _try_one(app: Application, actor: Actor, request: WriteRequest, briefs: Sequence[Mapping[str, str]]) -> None:
    """What refuses every brief is said at once; what refuses one of them is said of that one."""
    refused: PilotlightError | None = None
    for brief in briefs[:20]:
        try:
            prepare(app, actor, replace(request, values=brief))
            return
        except PilotlightError as error:
            refused = refused or error
    if refused is not None:
        raise refused


def run_batch(app: Application, context: JobContext) -> None:
    """Handler of ``briefs`` jobs. A row that cannot be written is listed with its reason; the others go on."""
    said = context.arguments
    actor = Actor(
        context.workspace_id, str(said["visitor"]), account_id=said.get("account_id"), key_id=said.get("key_id"),
        link_id=said.get("link_id"),
    )  # fmt: skip
    request = WriteRequest(**context.arguments["request"])
    template = get_template(app, actor, request.template, request.language)
    with files.original(app.settings, str(context.arguments["file"])) as path:
        briefs = read_briefs(app, template, Upload(str(context.arguments["name"]), path=path))
    done, failed = _ended(app, actor, context.job_id)
    for number, brief in enumerate(briefs, start=1):
        context.progress("briefs", number - 1, len(briefs), force=number == 1)
        if number in done:
            continue
        try:
            one = request_of(request, brief, number)
            draft = writing.write(app, actor, one, job_id=context.job_id, number=number)
        except PilotlightError as error:
            failed.append({"row": number, "error": {"code": error.code, "values": dict(error.values)}})
            continue
        if draft.state == "failed":
            failed.append({"row": number, "error": dict(draft.error)})
    context.progress("briefs", len(briefs), len(briefs), force=True)
    failed.sort(key=lambda one: int(one["row"]))
    context.finish(briefs=len(briefs), written=len(briefs) - len(failed), failed=failed)


def request_of(request: WriteRequest, brief: Mapping[str, str], number: int) -> WriteRequest:
    """The request of one row. The same seed for all would give every brief the same turns; one counted up gives the
    same batch again."""
    seed = None if request.seed is None else request.seed + number - 1
    return replace(request, values=dict(brief), seed=seed)


def _ended(app: Application, actor: Actor, job_id: int) -> tuple[set[int], list[dict[str, Any]]]:
    """Rows whose drafts have ended, and those of them that failed. One that a killed worker left in the middle is
    written again."""
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.all(rows.select(ContentDraft, ContentDraft.job_id == job_id))
    for draft in mine:
        if draft.state == "writing":
            delete_draft(app, actor, draft.id)
    failed = [{"row": draft.number, "error": dict(draft.error)} for draft in mine if draft.state == "failed"]
    return {draft.number for draft in mine if draft.state != "writing"}, failed
