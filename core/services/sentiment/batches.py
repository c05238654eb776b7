"""Files judged row by row: previewed, queued, watched, listed, deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from core.access.actor import Actor, Permission
from core.db.sentiment_tables import SentimentBatch
from core.db.tables import Job, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict
from core.jobs.worker import alive, enqueue
from core.services import files, quota
from core.services.application import Application
from core.services.jobs import FINISHED
from core.services.studio.uploads import options_of, read_stored, store_upload
from core.services.studio.views import StoredUpload
from core.services.views import Upload
from core.settings import Settings
from core.training.datasets.tables import MAX_ROWS, ReadOptions, Table
from core.training.watch import Quiet

ROWS, MENTIONS = "rows.csv", "mentions.jsonl"
JUDGED = (ROWS, MENTIONS)  # what a judged file's folder holds of its texts

KIND = "sentiment"
PARTS = ("text", "date", "group")  # that a column may play
FORMATS = ("csv", "tsv", "xlsx", "jsonl", "ndjson", "json", "txt")
_TEXT_NAMES = frozenset("text review comment content message sentence body 评论 内容 文本 评价 正文 留言 反馈".split())
_DATE_NAMES = frozenset("date day time created created_at timestamp 日期 时间 评论时间 创建时间".split())
_GROUP_NAMES = frozenset(
    "product channel brand store category source sku item 产品 商品 渠道 店铺 品牌 类别 来源".split()
)


@dataclass(frozen=True, slots=True)
class TablePreview:
    """A file as it was understood. ``guess``: part -> column. ``problems``: rows that cannot be read, with reasons."""

    file: StoredUpload
    rows: int
    columns: tuple[str, ...]
    head: tuple[Mapping[str, str], ...]
    guess: Mapping[str, str]
    problems: tuple[Mapping[str, Any], ...]
    bad_rows: int
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchView:
    """A judged file. ``state`` is its job's. ``rate`` in rows a second; ``left`` seconds, None while not known."""

    id: int
    name: str
    created_at: datetime
    state: str
    done: int
    total: int
    rate: float
    left: float | None
    error: Mapping[str, Any]
    model: str
    stage: str  # read, model, score; what done and total count hangs on it
    columns: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    worker_alive: bool = True

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


def batch_folder(settings: Settings, workspace_id: int, batch_id: int) -> Path:
    """Where the rows of a judged file lie."""
    return settings.data_dir / "sentiment" / str(workspace_id) / str(batch_id)


def judged_files(app: Application) -> Iterator[Path]:
    """The files of all workspaces' judged files, but for those that a job writes at this moment."""
    with app.database.system() as session:
        busy = select(Job.id).where(Job.state.in_(("queued", "running")))
        found = session.execute(
            select(SentimentBatch.workspace_id, SentimentBatch.id)
            .where(or_(SentimentBatch.job_id.is_(None), SentimentBatch.job_id.not_in(busy)))
            .order_by(SentimentBatch.id)
        ).all()
    for workspace_id, batch_id in found:
        for name in JUDGED:
            if (path := batch_folder(app.settings, workspace_id, batch_id) / name).is_file():
                yield path


def preview(
    app: Application, actor: Actor, upload: Upload | StoredUpload, *, read: Mapping[str, Any] | None = None
) -> TablePreview:
    """Reads the file, says what stands in it and guesses which column is what. Stores nothing but the file.

    Raises BadInput, DocumentError for a file that cannot be read as a table.
    """
    actor.require(Permission.SENTIMENT)
    stored = store_upload(app, upload)
    table = read_stored(app, stored, options_of(ReadOptions, read or {}), Quiet())
    return TablePreview(
        file=stored,
        rows=table.rows,
        columns=table.names,
        head=tuple(dict(zip(table.names, row, strict=True)) for row in table.preview),
        guess=_guess(table),
        problems=tuple({"code": f"data.{e.code}", "values": {"line": e.line, **e.values}} for e in table.errors[:20]),
        bad_rows=sum(table.error_counts.values()),
        sheets=tuple(table.sheet.sheets) if table.sheet else (),
    )


def _guess(table: Table) -> dict[str, str]:
    """Text: by its name, else the column with the longest cells; date and group by name, else by what they hold."""
    named = {
        part: next((c.name for c in table.columns if c.name.strip().lower() in names), "")
        for part, names in (("text", _TEXT_NAMES), ("date", _DATE_NAMES), ("group", _GROUP_NAMES))
    }
    longest = max(table.columns, key=lambda column: column.mean_length)
    named["text"] = named["text"] or longest.name
    taken = {named["text"]}
    for part, kind in (("date", "date"), ("group", "category")):
        found = (c.name for c in table.columns if c.kind == kind and c.name not in taken)
        named[part] = named[part] or (next(found, "") if len(table.columns) > 1 else "")
        taken.add(named[part])
    return named


def start_batch(
    app: Application,
    actor: Actor,
    upload: Upload | StoredUpload,
    columns: Mapping[str, str],
    *,
    aspects: bool = True,
    read: Mapping[str, Any] | None = None,
    rows_known: int = 1,
) -> int:
    """Queues the judging of a file; the batch's id. ``columns``: part -> name ("text" must be given). ``rows_known``:
    rows that a preview has counted.

    Raises BadInput (sentiment.column) for a part that is none and a missing text column, OverLimit when the rows do not
    fit into what is left of a limit; nothing is queued then.
    """
    actor.require(Permission.SENTIMENT)
    options = options_of(ReadOptions, read or {})
    if not columns.get("text") or any(part not in PARTS for part in columns):
        raise BadInput("sentiment.column", given=", ".join(columns) or "-", known=", ".join(PARTS))
    subjects = quota.subjects_of(actor)
    quota.check(app, actor.workspace_id, subjects, "judged_texts", max(1, rows_known))
    stored = store_upload(app, upload)
    if options.max_rows > MAX_ROWS:
        raise BadInput("data.too_many_rows", name=stored.name, limit=MAX_ROWS)
    said = {**{part: str(columns.get(part, "")) for part in PARTS}, "aspects": aspects, "read": dict(read or {})}
    with app.database.write(actor.workspace_id) as rows:
        batch = rows.add(SentimentBatch(name=stored.name[:200], sha256=stored.sha256, size=stored.size, columns=said))
        batch.job_id = rows.add(Job(kind=KIND, arguments={"batch_id": batch.id, "subjects": subjects})).id
    enqueue(app.database, app.queue, actor.workspace_id, batch.job_id)
    return batch.id


def list_batches(app: Application, actor: Actor, *, limit: int = 50) -> list[BatchView]:
    """The newest first, without their summaries."""
    actor.require(Permission.SENTIMENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.all(rows.select(SentimentBatch).order_by(SentimentBatch.id.desc()).limit(limit))
        return [_view(rows, batch, summary={}) for batch in found]


def get_batch(app: Application, actor: Actor, batch_id: int) -> BatchView:
    """One with its summary. Raises NotFound."""
    actor.require(Permission.SENTIMENT_READ)
    living = alive(app.database, app.settings.heartbeat_seconds)
    with app.database.read(actor.workspace_id) as rows:
        batch = rows.get(SentimentBatch, batch_id)
        return _view(rows, batch, summary=batch.summary, living=living)


def cancel_batch(app: Application, actor: Actor, batch_id: int) -> None:
    """Asks the job to stop at its next step; what was judged so far stays readable."""
    actor.require(Permission.SENTIMENT)
    with app.database.write(actor.workspace_id) as rows:
        job = _job(rows, rows.get(SentimentBatch, batch_id))
        if job is None or job.state in FINISHED:
            return
        job.cancel_requested = True
        if job.state == "queued":
            job.state, job.finished_at = "cancelled", utc_now()


def resume_batch(app: Application, actor: Actor, batch_id: int) -> None:
    """Goes on with a cancelled or failed one where it stopped. Raises Conflict while it runs."""
    actor.require(Permission.SENTIMENT)
    with app.database.write(actor.workspace_id) as rows:
        batch = rows.get(SentimentBatch, batch_id)
        job = _job(rows, batch)
        if job is not None and job.state not in FINISHED:
            raise Conflict("job_still_running", id=job.id)
        if job is None:
            arguments = {"batch_id": batch.id, "subjects": quota.subjects_of(actor)}
            job = rows.add(Job(kind=KIND, arguments=arguments))
            batch.job_id = job.id
        job.attempts = 0
        job_id = job.id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)


def delete_batch(app: Application, actor: Actor, batch_id: int) -> None:
    """Removes a batch and its rows; the uploaded file stays. Raises Conflict while its job runs."""
    actor.require(Permission.SENTIMENT)
    with app.database.write(actor.workspace_id) as rows:
        batch = rows.get(SentimentBatch, batch_id)
        job = _job(rows, batch)
        if job is not None and job.state not in FINISHED:
            raise Conflict("job_still_running", id=job.id)
        rows.delete(SentimentBatch, SentimentBatch.id == batch_id)
    shutil.rmtree(batch_folder(app.settings, actor.workspace_id, batch_id), ignore_errors=True)


def stored_file(app: Application, batch: SentimentBatch) -> StoredUpload:
    """The uploaded file. Raises BadInput when it is gone."""
    upload = StoredUpload(batch.sha256, batch.name, batch.size)
    if not files.stored_path(app.settings, batch.sha256).is_file():
        raise BadInput("studio.upload_gone", name=batch.name)
    return upload


def _job(rows: Rows, batch: SentimentBatch) -> Job | None:
    return rows.find(Job, Job.id == batch.job_id) if batch.job_id else None


def _view(rows: Rows, batch: SentimentBatch, *, summary: Mapping[str, Any], living: bool = True) -> BatchView:
    job = _job(rows, batch)
    rate = float(job.result.get("rate", 0.0)) if job else 0.0
    running = job is not None and job.state == "running" and job.stage == "score"
    left = (job.total - job.done) / rate if job and running and rate > 0 else None
    return BatchView(
        id=batch.id,
        name=batch.name,
        created_at=batch.created_at,
        state=job.state if job else "done" if batch.summary.get("complete") else "cancelled",
        done=job.done if job else 0,
        total=job.total if job else 0,
        rate=rate,
        left=left,
        error=job.error if job else {},
        model=batch.model,
        stage=job.stage if job else "",
        columns=batch.columns,
        summary=summary,
        worker_alive=living,
    )
