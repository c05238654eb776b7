"""What the owner decides about a draft: publish it all the same, or drop it."""

from __future__ import annotations

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.tables import IndexVersion, KnowledgeBase
from core.errors import Conflict
from core.services.application import Application
from core.services.build import publish_version
from core.services.golden import gate_version
from core.services.jobs import start_job
from core.services.snapshot import remove_version
from core.services.views import PublishResult

BUILD = "build"


def publish(app: Application, actor: Actor, knowledge_base_id: int, *, override: bool = False) -> PublishResult:
    """Asks the golden questions of the waiting draft and makes it live when none that passed now fails.

    ``override`` publishes it all the same; what broke is returned either way. Raises Conflict when no draft waits.
    """
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.read(actor.workspace_id) as rows:
        draft = rows.get(KnowledgeBase, knowledge_base_id).draft_version
    if draft is None:
        raise Conflict("no_draft")
    broken = tuple(gate_version(app, actor.workspace_id, knowledge_base_id, draft))
    if broken and not override:
        with app.database.write(actor.workspace_id) as rows:
            rows.update(IndexVersion, IndexVersion.id == draft, blocked_by=[dict(line) for line in broken])
        return PublishResult(published=False, version=draft, broken=broken)
    publish_version(app, actor.workspace_id, knowledge_base_id, draft)
    with app.database.write(actor.workspace_id) as rows:
        name = rows.get(KnowledgeBase, knowledge_base_id).name
        record(rows, actor, "knowledge_base.published", name, version=draft, broken=len(broken))
    return PublishResult(published=True, version=draft, broken=broken)


def discard_draft(app: Application, actor: Actor, knowledge_base_id: int) -> None:
    """Drops the waiting draft; the documents in it stay and are part of the next build."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(KnowledgeBase, knowledge_base_id)
        draft, row.draft_version = row.draft_version, None
        if draft is not None:
            rows.update(IndexVersion, IndexVersion.id == draft, state="retired")
    if draft is not None:
        remove_version(app, knowledge_base_id, draft)


def start_build(app: Application, actor: Actor, knowledge_base_id: int) -> int:
    """Queues a build of the index from the database; returns the job's id."""
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, knowledge_base_id)
    return start_job(app, actor.workspace_id, BUILD, knowledge_base_id)
