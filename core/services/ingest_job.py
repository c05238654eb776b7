"""The ingest job: file by file, stage by stage, resumable at every point.

What is finished is in the database: a file whose version is stored continues at its first passage without a vector;
one that is not starts over and leaves nothing half-indexed, because nothing answers before it is part of a published
index.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db.tables import Document, DocumentVersion, Job, JobFile, Passage, ReviewFlag, utc_now
from core.documents import archive, sniff
from core.documents.dates import printed_date
from core.documents.file_dates import file_date
from core.documents.load import LoadOptions, load
from core.documents.screen import screen
from core.documents.split import SplitConfig, split
from core.errors import Cancelled, DocumentError, PilotlightError
from core.jobs.context import JobContext
from core.services import files, layout
from core.services.application import Application
from core.services.build import build_and_publish
from core.services.embed import embed_version
from core.services.jobs import start_job
from core.services.views import Upload
from core.types import Flag, LoadedDocument, PassageDraft

log = structlog.get_logger(__name__)

BUILD = "build"
INSERT_BATCH = 2000
FORGET_BATCH = 5000


def run_ingest(app: Application, context: JobContext) -> None:
    """Handler of ``ingest`` jobs. What was finished before somebody cancelled the rest stays, and answers soon."""
    try:
        while (line := _next_line(context)) is not None:
            _run_line(app, context, line)
            _count(context)
    except Cancelled:
        if (line := _next_line(context)) is not None:
            _forget(context, line.id)
        if _states(context).get("done") and context.knowledge_base_id is not None:
            start_job(app, context.workspace_id, BUILD, context.knowledge_base_id)
        raise
    states = _states(context)
    if states.get("done") or context.arguments.get("build"):
        build_and_publish(app, context)
    context.finish(files=states)


def _next_line(context: JobContext) -> JobFile | None:
    with context.database.read(context.workspace_id) as rows:
        waiting = rows.select(JobFile, JobFile.job_id == context.job_id, JobFile.state.in_(("running", "queued")))
        return rows.session.scalars(waiting.order_by(JobFile.state.desc(), JobFile.id).limit(1)).first()


def _states(context: JobContext) -> dict[str, int]:
    with context.database.read(context.workspace_id) as rows:
        found = rows.all(rows.select(JobFile, JobFile.job_id == context.job_id))
    states: dict[str, int] = {}
    for line in found:
        states[line.state] = states.get(line.state, 0) + 1
    return states


def _count(context: JobContext) -> None:
    states = _states(context)
    left = states.get("queued", 0) + states.get("running", 0)
    total = sum(states.values())
    with context.database.write(context.workspace_id) as rows:
        rows.update(Job, Job.id == context.job_id, done=total - left, total=total)


def _run_line(app: Application, context: JobContext, line: JobFile) -> None:
    """One file to its end. A bad one is marked with its reason and the next one starts."""
    _set(context, line.id, state="running", error={})
    try:
        with files.original(app.settings, line.file_sha256) as path:
            if sniff.detect(path, line.name) == sniff.ZIP:
                _expand(app, context, line, path)
            else:
                _ingest_file(app, context, line, path)
    except Cancelled:
        raise
    except PilotlightError as error:
        _forget(context, line.id)
        _set(context, line.id, state="failed", error={"code": error.code, "values": error.values})
        log.info("file refused", job=context.job_id, code=error.code)
    except Exception as error:
        log.error("file failed", job=context.job_id, exc_info=True)
        values = {"name": line.name, "reason": type(error).__name__}
        _forget(context, line.id)
        _set(context, line.id, state="failed", error={"code": "ingest.unexpected", "values": values})


def _forget(context: JobContext, line_id: int) -> None:
    """Takes back what a file that will not be finished has stored: its version, and the document if it was new."""
    with context.database.read(context.workspace_id) as rows:
        line = rows.find(JobFile, JobFile.id == line_id)
        version = rows.find(DocumentVersion, DocumentVersion.id == line.version_id) if line else None
    if version is None or version.state != "building":
        return
    some = select(Passage.id).where(Passage.version_id == version.id).limit(FORGET_BATCH)
    removed = 1
    while removed:  # a batch a transaction: nobody waits long for the write lock
        with context.database.write(context.workspace_id) as rows:
            removed = rows.delete(Passage, Passage.id.in_(some))
    with context.database.write(context.workspace_id) as rows:
        rows.update(JobFile, JobFile.id == line_id, version_id=None)
        rows.delete(DocumentVersion, DocumentVersion.id == version.id)
        if not rows.count(DocumentVersion, DocumentVersion.document_id == version.document_id):
            rows.delete(Document, Document.id == version.document_id)


def _set(context: JobContext, line_id: int, **values: object) -> None:
    with context.database.write(context.workspace_id) as rows:
        rows.update(JobFile, JobFile.id == line_id, **values)


def _expand(app: Application, context: JobContext, line: JobFile, path: Path) -> None:
    """A ZIP becomes lines of its own; each member is judged by itself."""
    settings = app.settings
    limits = archive.Limits(
        max_files=settings.max_zip_files,
        max_total_bytes=settings.max_zip_mb << 20,
        max_member_bytes=settings.max_file_mb << 20,
    )
    new: list[JobFile] = []
    for member in archive.members(path, limits, name=line.name):
        context.progress("unpacking", len(new), 0, file_id=line.id)
        row = JobFile(job_id=context.job_id, name=files.clean_name(member.name), file_sha256="", error={})
        try:
            if member.error is not None:
                raise member.error
            row.file_sha256, row.size = files.store(settings, Upload(member.name, path=member.path))
        except PilotlightError as error:
            row.state, row.error = "failed", {"code": error.code, "values": error.values}
        new.append(row)
    with context.database.write(context.workspace_id) as rows:
        rows.add_all(new)
        rows.update(JobFile, JobFile.id == line.id, state="done", stage="unpacked", done=len(new), total=len(new))


def _ingest_file(app: Application, context: JobContext, line: JobFile, path: Path) -> None:
    version_id = line.version_id
    if version_id is None or not _is_building(context, version_id):
        version_id = _read_and_store(app, context, line, path)
        if version_id is None:
            return
    embed_version(app, context, version_id, file_id=line.id)
    _finish_version(context, line.id, version_id)


def _is_building(context: JobContext, version_id: int) -> bool:
    with context.database.read(context.workspace_id) as rows:
        version = rows.find(DocumentVersion, DocumentVersion.id == version_id)
    return version is not None and version.state == "building"


def _read_and_store(app: Application, context: JobContext, line: JobFile, path: Path) -> int | None:
    """Loads, compares, splits, screens and stores one file; None when the same content is there already."""
    if _unchanged(app, context, line, line.file_sha256, column="file_sha256"):
        return None
    settings = app.settings

    def report(stage: str, done: int, total: int) -> None:
        context.progress(stage, done, total, file_id=line.id)

    context.progress("reading", 0, 0, file_id=line.id, force=True)
    options = LoadOptions(max_bytes=settings.max_file_mb << 20, ocr=settings.ocr)
    document = load(path, line.name, options, progress=report)
    text_sha256 = hashlib.sha256(document.text.encode()).hexdigest()
    if _unchanged(app, context, line, text_sha256, column="text_sha256"):
        return None
    context.progress("splitting", 0, 0, file_id=line.id, force=True)
    drafts = split(document, SplitConfig(settings.passage_chars_en, settings.passage_chars_zh))
    if not drafts:
        raise DocumentError("documents.no_text", name=line.name)
    return _store(context, line, document, drafts, screen(document), text_sha256, _dated(path, document))


def _dated(path: Path, document: LoadedDocument) -> tuple[str, str]:
    """The document's date, and whence it is known: printed in it, else kept by its file, else that of today."""
    today = utc_now().date()
    if printed := printed_date(document.text, today=today, tables=document.tables):
        return printed, layout.PRINTED
    if kept := file_date(path, document.media_type, today=today):
        return kept, layout.FILE
    return today.isoformat(), layout.UPLOAD


def _unchanged(app: Application, context: JobContext, line: JobFile, digest: str, *, column: str) -> bool:
    """Whether this knowledge base holds the same content already, under this name or another; the line says which."""
    with context.database.write(context.workspace_id) as rows:
        same = (
            select(Document.name, DocumentVersion.state)
            .join(DocumentVersion, DocumentVersion.document_id == Document.id)
            .where(
                Document.workspace_id == rows.workspace_id,
                Document.knowledge_base_id == context.knowledge_base_id,
                Document.deleted_at.is_(None),
                getattr(DocumentVersion, column) == digest,
                DocumentVersion.state.in_(("ready", "held")),
            )
            .limit(1)
        )
        found = rows.session.execute(same).first()
        if found is None:
            return False
        code = "ingest.held_already" if found[1] == "held" else "ingest.unchanged"
        code = code if found[0] == line.name else "ingest.duplicate"
        error = {"code": code, "values": {"name": line.name, "other": found[0]}}
        rows.update(JobFile, JobFile.id == line.id, state="unchanged", stage="", error=error)
    return True


def _store(
    context: JobContext,
    line: JobFile,
    document: LoadedDocument,
    drafts: list[PassageDraft],
    flags: list[Flag],
    text_sha256: str,
    dated: tuple[str, str],
) -> int:
    """Stores version, passages and flags in one transaction, reusing the vectors of passages that did not change."""
    assert context.knowledge_base_id is not None
    known = _known_vectors(context, line.name)
    with context.database.write(context.workspace_id) as rows:
        row = rows.find(
            Document,
            Document.knowledge_base_id == context.knowledge_base_id,
            Document.name == line.name,
            Document.deleted_at.is_(None),
        )
        if row is None:
            row = rows.add(Document(knowledge_base_id=context.knowledge_base_id, name=line.name, state="processing"))
        version = rows.add(
            DocumentVersion(
                document_id=row.id,
                file_sha256=line.file_sha256,
                text_sha256=text_sha256,
                media_type=document.media_type,
                size=line.size,
                language=document.language,
                title=document.title[:400],
                text=document.text,
                layout=layout.to_json(document, dated[1]),
                page_count=len(document.pages),
                passage_count=len(drafts),
                warnings=list(document.warnings),
                document_date=dated[0],
            )
        )
        for first in range(0, len(drafts), INSERT_BATCH):
            batch = enumerate(drafts[first : first + INSERT_BATCH], start=first)
            rows.add_all([_passage(context, row.id, version.id, n, draft, known) for n, draft in batch])
            rows.session.expunge_all()
        rows.add_all(
            [
                ReviewFlag(
                    version_id=version.id, kind=f.kind, detail=f.detail, start=f.start, end=f.end, excerpt=f.excerpt
                )
                for f in flags
            ]
        )
        rows.update(JobFile, JobFile.id == line.id, version_id=version.id, stage="embedding", done=0, total=len(drafts))
        return version.id


def _known_vectors(context: JobContext, name: str) -> dict[str, tuple[str, bytes]]:
    """Vectors of this document's newest version by the hash of what was embedded: ``(encoder, bytes)``."""
    with context.database.read(context.workspace_id) as rows:
        statement = (
            rows.columns(
                Passage, Passage.content_sha256, Passage.encoder, Passage.vector, where=[Passage.vector.is_not(None)]
            )
            .join(Document, Document.id == Passage.document_id)
            .where(Document.name == name, Document.knowledge_base_id == context.knowledge_base_id)
        )
        return {digest: (encoder, vector) for digest, encoder, vector in rows.session.execute(statement)}


def _passage(
    context: JobContext,
    document_id: int,
    version_id: int,
    ordinal: int,
    draft: PassageDraft,
    known: dict[str, tuple[str, bytes]],
) -> Passage:
    digest = hashlib.sha256(draft.index_text.encode()).hexdigest()
    encoder, vector = known.get(digest, ("", None))
    return Passage(
        knowledge_base_id=context.knowledge_base_id,
        document_id=document_id,
        version_id=version_id,
        ordinal=ordinal,
        page=draft.page,
        section=draft.section,
        header=draft.header,
        start=draft.start,
        end=draft.end,
        text=draft.text,
        language=draft.language,
        content_sha256=digest,
        encoder=encoder,
        vector=vector,
    )


def _finish_version(context: JobContext, line_id: int, version_id: int) -> None:
    """The version becomes ready, or held for a reviewer; an older one stays live until the next publish."""
    with context.database.write(context.workspace_id) as rows:
        version = rows.get(DocumentVersion, version_id)
        document = rows.get(Document, version.document_id)
        held = rows.count(ReviewFlag, ReviewFlag.version_id == version_id) > 0
        version.state = "held" if held else "ready"
        if held:
            document.state = "ready" if document.current_version_id else "held"
        else:
            _replace(rows.session, document, version)
        rows.update(JobFile, JobFile.id == line_id, state="held" if held else "done", stage="", done=1, total=1)


def _replace(session: Session, document: Document, version: DocumentVersion) -> None:
    if document.current_version_id and document.current_version_id != version.id:
        old = session.get(DocumentVersion, document.current_version_id)
        if old is not None:
            old.state = "replaced"
    document.current_version_id = version.id
    document.state = "ready"
