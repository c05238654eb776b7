"""Documents that are held: what was found in them, and the reviewer's decision."""

from __future__ import annotations

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.tables import Document, DocumentVersion, Passage, ReviewFlag
from core.errors import Conflict
from core.services import layout
from core.services.application import Application
from core.services.jobs import start_job
from core.services.views import FlagView, HeldView
from core.types import PageSpan

BUILD = "build"


def list_held(app: Application, actor: Actor, knowledge_base_id: int) -> list[HeldView]:
    """Versions that wait for a decision, oldest first, each with what was found."""
    actor.require(Permission.KNOWLEDGE_READ)
    with app.database.read(actor.workspace_id) as rows:
        pairs = rows.session.execute(
            rows.select(DocumentVersion, DocumentVersion.state == "held")
            .join(Document, Document.id == DocumentVersion.document_id)
            .where(Document.knowledge_base_id == knowledge_base_id, Document.deleted_at.is_(None))
            .add_columns(Document, DocumentVersion.layout)
            .order_by(DocumentVersion.id)
        ).all()
        held = []
        for version, document, shape in pairs:
            flags = rows.all(rows.select(ReviewFlag, ReviewFlag.version_id == version.id).order_by(ReviewFlag.start))
            spans = layout.pages(shape)
            views = tuple(
                FlagView(f.id, f.kind, f.detail, f.excerpt, f.start, f.end, _page_of(spans, f.start)) for f in flags
            )
            held.append(HeldView(version.id, document.id, document.name, version.created_at, views))
    return held


def _page_of(spans: tuple[PageSpan, ...], position: int) -> int:
    return next((span.number for span in spans if span.start <= position < span.end), 1)


def release(app: Application, actor: Actor, version_id: int) -> int:
    """Lets a held version answer. Returns the id of the job that builds and publishes the index."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        version = _held(rows.get(DocumentVersion, version_id))
        document = rows.get(Document, version.document_id)
        if document.current_version_id:
            rows.update(DocumentVersion, DocumentVersion.id == document.current_version_id, state="replaced")
        version.state, document.state, document.current_version_id = "ready", "ready", version.id
        knowledge_base_id = document.knowledge_base_id
        record(rows, actor, "document.released", document.name)
    return start_job(app, actor.workspace_id, BUILD, knowledge_base_id)


def reject(app: Application, actor: Actor, version_id: int) -> None:
    """Removes a held version and its passages; an older version of the document, if there is one, stays."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        version = _held(rows.get(DocumentVersion, version_id))
        document = rows.get(Document, version.document_id)
        rows.delete(Passage, Passage.version_id == version_id)
        rows.delete(DocumentVersion, DocumentVersion.id == version_id)
        others = rows.count(DocumentVersion, DocumentVersion.document_id == document.id)
        if not others:
            rows.delete(Document, Document.id == document.id)


def _held(version: DocumentVersion) -> DocumentVersion:
    if version.state != "held":
        raise Conflict("ingest.not_held")
    return version
