"""Vectors of passages: made a batch a transaction, so that a killed worker loses at most one batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import structlog
from sqlalchemy import select, update

from core.db.tables import IndexVersion, KnowledgeBase, Passage
from core.jobs.context import JobContext
from core.models.catalogue import find_entry
from core.models.encoder import Encoder
from core.retrieval.windows import encode_windows, recipe
from core.services.application import Application
from core.services.jobs import start_job

log = structlog.get_logger(__name__)

BATCH = 256  # passages a transaction


def embed_version(app: Application, context: JobContext, version_id: int, *, file_id: int | None = None) -> None:
    """Fills in the missing vectors of a document version; ``file_id`` is whose progress is shown."""
    _embed(app.encoder(), context, Passage.version_id == version_id, file_id)


def embed_members(app: Application, context: JobContext, members: list[int]) -> None:
    """Fills in what the current encoder has not made of these document versions: after a change of encoder, all."""
    _embed(app.encoder(), context, Passage.version_id.in_(members), None)


def _embed(encoder: Encoder, context: JobContext, mine: Any, file_id: int | None) -> None:
    """Passages in a language that the encoder does not know get none: their vectors would be noise and cost the most
    time."""
    made = recipe(encoder.name)
    unknown = Passage.language.not_in(encoder.languages)
    with context.database.write(context.workspace_id) as rows:
        rows.update(Passage, mine, unknown, Passage.encoder != made, encoder=made, vector=None)
        total = rows.count(Passage, mine)
        waiting = rows.columns(Passage, Passage.id, where=[mine, Passage.encoder != made])
        missing = list(rows.session.scalars(waiting.order_by(Passage.id)))
    if file_id is None and not missing:
        return
    done = total - len(missing)
    context.progress("embedding", done, total, file_id=file_id, force=True)
    for first in range(0, len(missing), BATCH):
        _embed_batch(context, encoder, missing[first : first + BATCH])
        done = min(total, done + BATCH)
        context.progress("embedding", done, total, file_id=file_id)


def _embed_batch(context: JobContext, encoder: Encoder, ids: list[int]) -> None:
    with context.database.read(context.workspace_id) as rows:
        passages = rows.all(rows.select(Passage, Passage.id.in_(ids)).order_by(Passage.id))
    texts = ["\n".join(part for part in (p.section, p.header, p.text) if part) for p in passages]
    vectors, counts = encode_windows(encoder, texts, [p.language for p in passages])
    parts = np.split(vectors.astype("<f2", copy=False), np.cumsum(counts)[:-1])
    values = [
        {"id": passage.id, "encoder": recipe(encoder.name), "vector": part.tobytes()}
        for passage, part in zip(passages, parts, strict=True)
    ]
    with context.database.write(context.workspace_id) as rows:
        rows.session.execute(update(Passage), values)


def follow_encoder(app: Application, kind: str) -> list[int]:
    """Queues a build (a job of ``kind``) for every knowledge base whose live index another encoder made; the job ids.

    Until then such an index is searched by words alone.
    """
    encoder = _current(app)
    with app.database.system() as session:
        found = session.execute(
            select(KnowledgeBase.workspace_id, KnowledgeBase.id, IndexVersion.encoder)
            .join(IndexVersion, IndexVersion.id == KnowledgeBase.live_version)
            .where(IndexVersion.encoder != encoder)
        ).all()
    for _, knowledge_base, before in found:
        log.info("encoder changed", knowledge_base=knowledge_base, before=before, now=encoder)
    return [start_job(app, workspace, kind, knowledge_base) for workspace, knowledge_base, _ in found]


def is_outdated(app: Application, version: IndexVersion) -> bool:
    """Whether another encoder made this index, so that it is searched by words alone."""
    return version.encoder != _current(app)


def _current(app: Application) -> str:
    return recipe(find_entry(app.settings.encoder, "encoder").name)
