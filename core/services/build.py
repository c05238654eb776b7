"""From passages in the database to a published index: build beside the live one, ask the golden questions, swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import select

from core.db.tables import Document, DocumentVersion, IndexVersion, KnowledgeBase, Passage
from core.db.unit_of_work import Rows
from core.jobs.context import JobContext
from core.services.application import Application
from core.services.embed import embed_members
from core.services.files import stored_path
from core.services.golden import gate_version
from core.services.snapshot import remove_version, write_version

log = structlog.get_logger(__name__)


def build_and_publish(app: Application, context: JobContext) -> bool:
    """Builds a draft of everything that is ready, and publishes it unless a golden question that passed now fails.

    A blocked draft waits beside the live version for the owner (``knowledge_base.draft_version``); the live one serves
    on. Returns whether the new version is live.
    """
    knowledge_base_id = context.knowledge_base_id
    assert knowledge_base_id is not None
    version_id = _new_version(context, knowledge_base_id)
    try:
        with context.database.read(context.workspace_id) as rows:
            members = rows.get(IndexVersion, version_id).members
        embed_members(app, context, members)
        write_version(app, context.workspace_id, version_id, progress=lambda d, t: context.progress("indexing", d, t))
    except BaseException:
        _drop(app, context.workspace_id, version_id, "failed")
        raise
    _become_draft(app, context.workspace_id, knowledge_base_id, version_id)
    context.progress("checking", 0, 0, force=True)
    broken = gate_version(app, context.workspace_id, knowledge_base_id, version_id, progress=_checking(context))
    if broken and not context.arguments.get("override"):
        _block(app, context.workspace_id, version_id, broken)
        context.finish(published=False, version=version_id, broken=len(broken))
        return False
    publish_version(app, context.workspace_id, knowledge_base_id, version_id)
    context.finish(published=True, version=version_id)
    return True


def _checking(context: JobContext) -> Any:
    return lambda done, total: context.progress("checking", done, total)


def _new_version(context: JobContext, knowledge_base_id: int) -> int:
    with context.database.write(context.workspace_id) as rows:
        version = IndexVersion(knowledge_base_id=knowledge_base_id, members=_members(rows, knowledge_base_id))
        return rows.add(version).id


def _members(rows: Rows, knowledge_base_id: int) -> list[int]:
    """Ids of the document versions that may answer."""
    statement = (
        rows.columns(Document, Document.current_version_id)
        .where(Document.knowledge_base_id == knowledge_base_id, Document.deleted_at.is_(None))
        .where(Document.current_version_id.is_not(None))
    )
    return sorted(rows.session.scalars(statement))


def _become_draft(app: Application, workspace_id: int, knowledge_base_id: int, version_id: int) -> None:
    with app.database.write(workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        replaced, row.draft_version = row.draft_version, version_id
        if replaced and replaced != row.live_version:
            rows.update(IndexVersion, IndexVersion.id == replaced, state="retired")
    if replaced and replaced != version_id:
        remove_version(app, knowledge_base_id, replaced)


def _block(app: Application, workspace_id: int, version_id: int, broken: Sequence[Mapping[str, Any]]) -> None:
    with app.database.write(workspace_id) as rows:
        rows.update(IndexVersion, IndexVersion.id == version_id, blocked_by=[dict(line) for line in broken])
    log.info("draft waits for the owner", version=version_id, broken=len(broken))


def _drop(app: Application, workspace_id: int, version_id: int, state: str) -> None:
    with app.database.write(workspace_id) as rows:
        rows.update(IndexVersion, IndexVersion.id == version_id, state=state)


def publish_version(app: Application, workspace_id: int, knowledge_base_id: int, version_id: int) -> None:
    """Makes a built version the live one: one UPDATE, which every process sees at its next question."""
    with app.database.write(workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        before, row.live_version, row.draft_version = row.live_version, version_id, None
        rows.update(IndexVersion, IndexVersion.id == version_id, state="live")
        if before and before != version_id:
            rows.update(IndexVersion, IndexVersion.id == before, state="retired")
    log.info("index published", knowledge_base=knowledge_base_id, version=version_id)
    collect_garbage(app, workspace_id, knowledge_base_id, keep=before)


def collect_garbage(app: Application, workspace_id: int, knowledge_base_id: int, *, keep: int | None = None) -> None:
    """Removes what nobody needs: old index folders (``keep`` stays for readers still in it), replaced passages, and
    everything of deleted documents, whatever index still names them: there they are masked and cannot be read.
    """
    with app.database.read(workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        needed = {row.live_version, row.draft_version, keep}
        mine = IndexVersion.knowledge_base_id == knowledge_base_id
        old = [v.id for v in rows.all(rows.select(IndexVersion, mine)) if v.id not in needed and v.state != "building"]
        serving = IndexVersion.id.in_([i for i in (row.live_version, row.draft_version) if i])
        members = {member for v in rows.all(rows.select(IndexVersion, mine, serving)) for member in v.members}
        unused = _unused_versions(rows, knowledge_base_id, members)
    for version_id in old:
        remove_version(app, knowledge_base_id, version_id)
    with app.database.write(workspace_id) as rows:
        rows.delete(IndexVersion, IndexVersion.id.in_(old))
    for version_id in unused:
        remove_document_version(app, workspace_id, version_id, masked=version_id in members)


def _unused_versions(rows: Rows, knowledge_base_id: int, members: set[int]) -> list[int]:
    gone = (DocumentVersion.state == "replaced") | Document.deleted_at.is_not(None)
    statement = (
        rows.columns(DocumentVersion, DocumentVersion.id, Document.deleted_at)
        .join(Document, Document.id == DocumentVersion.document_id)
        .where(Document.knowledge_base_id == knowledge_base_id, gone)
    )
    return [
        version_id for version_id, deleted in rows.session.execute(statement) if deleted or version_id not in members
    ]


def remove_document_version(
    app: Application, workspace_id: int, version_id: int, *, masked: bool = False, chunk: int = 5000
) -> None:
    """Deletes a version with its passages, a chunk a transaction, so that nobody waits long for the write lock.

    ``masked``: an index in use still holds its rows, so the deleted document's rows stay, emptied: they mask it there.
    """
    while True:
        with app.database.write(workspace_id) as rows:
            some = select(Passage.id).where(Passage.version_id == version_id).limit(chunk)
            if not rows.delete(Passage, Passage.id.in_(some)):
                break
    with app.database.write(workspace_id) as rows:
        version = rows.find(DocumentVersion, DocumentVersion.id == version_id)
        if version is None:
            return
        document_id, digest = version.document_id, version.file_sha256
        if masked:
            version.text, version.layout, version.title, version.file_sha256 = "", {}, "", ""
        else:
            rows.delete(DocumentVersion, DocumentVersion.id == version_id)
            _remove_empty(rows, document_id)
        used = rows.session.scalar(select(DocumentVersion.id).where(DocumentVersion.file_sha256 == digest).limit(1))
    if digest and not used:
        stored_path(app.settings, digest).unlink(missing_ok=True)


def _remove_empty(rows: Rows, document_id: int) -> None:
    """A deleted document's own row goes with its last version."""
    if not rows.count(DocumentVersion, DocumentVersion.document_id == document_id):
        rows.delete(Document, Document.id == document_id, Document.deleted_at.is_not(None))


def run_rebuild(app: Application, context: JobContext) -> None:
    """Handler of ``rebuild`` jobs: a damaged version's folder, written again from the database."""
    version_id = int(context.arguments["version_id"])
    write_version(app, context.workspace_id, version_id, progress=lambda d, t: context.progress("indexing", d, t))


def run_build(app: Application, context: JobContext) -> None:
    """Handler of ``build`` and ``clean_up`` jobs: the same build, after a release, a deletion or on request.

    What was deleted goes even when the new version has to wait for the owner.
    """
    if not build_and_publish(app, context) and context.knowledge_base_id is not None:
        collect_garbage(app, context.workspace_id, context.knowledge_base_id)
