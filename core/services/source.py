"""The place of a citation, drawn: the page with the sentence highlighted, or the text around it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import JSON, type_coerce

from core.access.actor import Actor, Permission
from core.db.encrypted import is_encrypted
from core.db.tables import Document, DocumentVersion
from core.db.unit_of_work import Rows
from core.documents.draw import Stored, can_draw, page_image
from core.errors import NotFound
from core.services import files, layout
from core.services.application import Application
from core.services.views import SourceView
from core.types import Citation

CONTEXT = 1200  # characters of text shown before and after a quote


def source(app: Application, actor: Actor, citation: Citation) -> SourceView:
    """Opens a citation. Raises NotFound when the document was deleted since."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.session.execute(
            rows.select(DocumentVersion, DocumentVersion.id == citation.version_id)
            .join(Document, Document.id == DocumentVersion.document_id)
            .where(Document.deleted_at.is_(None))
            .add_columns(DocumentVersion.text, DocumentVersion.layout, Document.name)
        ).first()
    if found is None:
        raise NotFound("source_gone", document=citation.document)
    version, text, shape, name = found
    spans = layout.pages(shape)
    page = next((span for span in spans if span.number == citation.page), None)
    image = None
    kept = files.stored_path(app.settings, version.file_sha256).exists()
    if page is not None and can_draw(version.media_type) and kept:
        stored = Stored(text, spans, layout.boxes(shape))
        with files.original(app.settings, version.file_sha256) as path:
            image = page_image(path, version.media_type, citation.page, ((citation.start, citation.end),), stored)
    low = page.start if page else 0
    high = page.end if page else len(text)
    return SourceView(
        document=name,
        page=citation.page,
        pages=len(spans),
        section=citation.section,
        document_date=version.document_date,
        image=image,
        before=text[max(low, citation.start - CONTEXT) : citation.start],
        quote=text[citation.start : citation.end],
        after=text[citation.end : min(high, citation.end + CONTEXT)],
        header=citation.header,
        dated=layout.dated(shape),
    )


def dated(app: Application, actor: Actor, citations: Sequence[Citation]) -> dict[int, str]:
    """Whence the dates of the cited document versions are known (printed, file, upload), by version id."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        return dated_versions(rows, [citation.version_id for citation in citations])


def dated_versions(rows: Rows, version_ids: Sequence[int]) -> dict[int, str]:
    """The same for services that stand in a unit of work already. Reads one value each, not the whole layout, where
    that is not encrypted."""
    of = DocumentVersion.id.in_(version_ids)
    if is_encrypted(rows.session):
        whole = rows.columns(DocumentVersion, DocumentVersion.id, DocumentVersion.layout, where=[of])
        return {version_id: layout.dated(shape) for version_id, shape in rows.session.execute(whole)}
    whence = type_coerce(DocumentVersion.layout, JSON)[layout.DATED].as_string()
    found = rows.session.execute(rows.columns(DocumentVersion, DocumentVersion.id, whence, where=[of]))
    return {version_id: name or layout.UPLOAD for version_id, name in found}
