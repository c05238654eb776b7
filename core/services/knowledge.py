"""Knowledge bases and their documents: list, create, rename, settings, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.searching import says
from core.db.tables import (
    Document,
    DocumentVersion,
    FaqEntry,
    GoldenQuestion,
    IndexVersion,
    KnowledgeBase,
    Passage,
    utc_now,
)
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.jobs import start_job
from core.services.source import dated_versions
from core.services.views import DocumentView, KnowledgeBaseView, PageOf

CLEAN_UP = "clean_up"


def list_knowledge_bases(app: Application, actor: Actor) -> list[KnowledgeBaseView]:
    """All knowledge bases of the workspace, in the order in which they were made."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        return [_view(rows, row) for row in rows.all(rows.select(KnowledgeBase).order_by(KnowledgeBase.id))]


def _view(rows: Rows, row: KnowledgeBase) -> KnowledgeBaseView:
    session, mine = rows.session, Document.knowledge_base_id == row.id
    live = session.get(IndexVersion, row.live_version) if row.live_version else None
    draft = session.get(IndexVersion, row.draft_version) if row.draft_version else None
    held = (
        select(func.count())
        .select_from(DocumentVersion)
        .join(Document, Document.id == DocumentVersion.document_id)
        .where(mine, DocumentVersion.state == "held", Document.deleted_at.is_(None))
    )
    return KnowledgeBaseView(
        id=row.id,
        name=row.name,
        documents=rows.count(Document, mine, Document.deleted_at.is_(None)),
        passages=live.passage_count if live else 0,
        held=int(session.scalar(held) or 0),
        faq_entries=rows.count(FaqEntry, FaqEntry.knowledge_base_id == row.id),
        golden_questions=rows.count(GoldenQuestion, GoldenQuestion.knowledge_base_id == row.id),
        live_version=row.live_version,
        draft_version=row.draft_version,
        blocked_by=tuple(draft.blocked_by) if draft else (),
        rule=live.rule if live else "",
        published_at=live.created_at if live else None,
        settings=dict(row.settings),
    )


def get_knowledge_base(app: Application, actor: Actor, name: str) -> KnowledgeBaseView:
    """The knowledge base with this name. Raises BadInput naming those that exist."""
    actor.require(Permission.CHAT)
    views = list_knowledge_bases(app, actor)
    for view in views:
        if view.name == name:
            return view
    raise BadInput("knowledge_base_unknown", name=name, names=", ".join(v.name for v in views) or "–")


def create_knowledge_base(app: Application, actor: Actor, name: str) -> int:
    """Raises BadInput when the name is empty, too long or taken."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        return rows.add(KnowledgeBase(name=_free_name(rows, name), settings={})).id


def rename_knowledge_base(app: Application, actor: Actor, knowledge_base_id: int, name: str) -> None:
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        if row.name != name.strip():
            row.name = _free_name(rows, name)


def _free_name(rows: Rows, name: str) -> str:
    kept = name.strip()
    if not 1 <= len(kept) <= 200 or rows.find(KnowledgeBase, KnowledgeBase.name == kept):
        raise BadInput("knowledge_base_name", name=kept[:80])
    return kept


def update_settings(app: Application, actor: Actor, knowledge_base_id: int, **values: Any) -> None:
    """Merges ``values`` into the knowledge base's settings (max_wrong_percent, threshold, weights, ...)."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        row.settings = {**row.settings, **values}


def delete_knowledge_base(app: Application, actor: Actor, knowledge_base_id: int) -> None:
    """Removes the knowledge base with everything in it: documents, questions, conversations about it."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        record(rows, actor, "knowledge_base.deleted", rows.get(KnowledgeBase, knowledge_base_id).name)
        rows.delete(KnowledgeBase, KnowledgeBase.id == knowledge_base_id)


def list_documents(
    app: Application,
    actor: Actor,
    knowledge_base_id: int,
    *,
    search: str = "",
    state: str = "",
    limit: int = 50,
    offset: int = 0,
) -> PageOf:
    """Documents by name, newest change first; ``state`` is ready, held, processing or empty for all."""
    actor.require(Permission.KNOWLEDGE_READ)
    where = [Document.knowledge_base_id == knowledge_base_id, Document.deleted_at.is_(None)]
    if search:
        where.append(says(Document.name, search))
    if state:
        where.append(Document.state == state)
    with app.database.read(actor.workspace_id) as rows:
        total = rows.count(Document, *where)
        statement = rows.select(Document, *where).order_by(Document.id.desc()).limit(limit).offset(offset)
        documents = rows.all(statement)
        live = _live_members(rows, knowledge_base_id)
        newest = _newest_versions(rows.session, [document.id for document in documents])
        dated = dated_versions(rows, [version.id for version in newest.values()])
    return PageOf(tuple(_document_view(d, newest.get(d.id), live, dated) for d in documents), total)


def _live_members(rows: Rows, knowledge_base_id: int) -> frozenset[int]:
    row = rows.get(KnowledgeBase, knowledge_base_id)
    live = rows.session.get(IndexVersion, row.live_version) if row.live_version else None
    return frozenset(live.members) if live else frozenset()


def _newest_versions(session: Session, document_ids: list[int]) -> dict[int, DocumentVersion]:
    statement = (
        select(DocumentVersion).where(DocumentVersion.document_id.in_(document_ids)).order_by(DocumentVersion.id)
    )
    return {version.document_id: version for version in session.scalars(statement)}


def _document_view(
    document: Document, version: DocumentVersion | None, live: frozenset[int], dated: Mapping[int, str]
) -> DocumentView:
    return DocumentView(
        id=document.id,
        name=document.name,
        state=version.state if version and version.state == "held" else document.state,
        live=document.current_version_id in live,
        media_type=version.media_type if version else "",
        language=version.language if version else "",
        size=version.size if version else 0,
        pages=version.page_count if version else 0,
        passages=version.passage_count if version else 0,
        warnings=tuple(version.warnings) if version else (),
        version_id=version.id if version else None,
        updated_at=version.created_at if version else document.created_at,
        error={},
        document_date=version.document_date if version else "",
        dated=dated.get(version.id, "upload") if version else "upload",
    )


def delete_document(app: Application, actor: Actor, document_id: int, *, knowledge_base_id: int | None = None) -> None:
    """The document stops answering at once; its rows and its file are removed by a job soon after.

    Raises NotFound, also for one that is not in ``knowledge_base_id`` where that is given, or was deleted before.
    """
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        document = rows.get(Document, document_id)
        if knowledge_base_id not in (None, document.knowledge_base_id) or document.deleted_at is not None:
            raise NotFound("not_found", what="document", id=document_id)
        document.state, document.deleted_at = "deleted", utc_now()
        record(rows, actor, "document.deleted", document.name)
        knowledge_base_id = document.knowledge_base_id
    start_job(app, actor.workspace_id, CLEAN_UP, knowledge_base_id)


def held_passages(rows: Rows, knowledge_base_id: int, limit: int = 2000) -> list[Passage]:
    """Passages of documents that wait for review: they never answer, but a refusal may say that they wait."""
    statement = (
        rows.select(Passage, Passage.knowledge_base_id == knowledge_base_id)
        .join(DocumentVersion, DocumentVersion.id == Passage.version_id)
        .join(Document, Document.id == Passage.document_id)
        .where(DocumentVersion.state == "held", Document.deleted_at.is_(None))
        .limit(limit)
    )
    return rows.all(statement)


def held_stamp(rows: Rows, knowledge_base_id: int) -> tuple[int, ...]:
    """The versions that wait for review: equal means that nothing was held or decided meanwhile."""
    statement = (
        rows.columns(DocumentVersion, DocumentVersion.id)
        .join(Document, Document.id == DocumentVersion.document_id)
        .where(Document.knowledge_base_id == knowledge_base_id)
        .where(DocumentVersion.state == "held", Document.deleted_at.is_(None))
        .order_by(DocumentVersion.id)
    )
    return tuple(rows.session.scalars(statement))
