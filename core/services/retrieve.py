"""From a question to passages of the live index, with what the database says of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from core.access.actor import Actor, Permission
from core.db.tables import Document, DocumentVersion, IndexVersion, KnowledgeBase, Passage
from core.db.unit_of_work import Rows
from core.errors import IndexDamaged, Unavailable
from core.retrieval.fuse import FusionWeights
from core.retrieval.pipeline import KnowledgeIndex, SearchResult
from core.retrieval.rerank import Rerank, make_reranker
from core.services.application import NO_FILTER, Application
from core.services.jobs import start_job
from core.services.knowledge import held_passages, held_stamp
from core.services.snapshot import folder_of, write_version
from core.services.views import RetrievalTest
from core.text.words import search_words
from core.types import Found, Hit, PassageRecord, SearchFilter

log = structlog.get_logger(__name__)

MOST_OPEN = 8  # versions kept open; their arrays are memory-mapped, so an open one costs little but its vocabulary
REBUILD_AT_ONCE = 20_000  # passages up to which a damaged index is rebuilt while the question waits (a few seconds)


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """One index version, opened, with deleted documents masked at each question. Thread-safe."""

    app: Application
    workspace_id: int
    knowledge_base_id: int
    version_id: int
    knowledge: KnowledgeIndex

    def search(self, question: str, *, k: int = 10, filter: SearchFilter = NO_FILTER) -> SearchResult:
        """Passage ids with every stage's scores."""
        with self.app.database.read(self.workspace_id) as rows:
            weights = rows.get(KnowledgeBase, self.knowledge_base_id).settings.get("weights", {})
            removed = _removed(rows, self.knowledge_base_id)
            documents = _chosen(rows, self.knowledge_base_id, filter)
        return self.knowledge.search(
            question,
            k=k,
            allowed=self.knowledge.mask(documents=documents, removed=removed),
            weights=FusionWeights.from_dict(weights),
            rerank=self._rerank(),
        )

    def found(
        self, question: str, k: int = 10, *, filter: SearchFilter = NO_FILTER
    ) -> tuple[tuple[Found, ...], SearchResult]:
        """The same, with the passages themselves."""
        result = self.search(question, k=k, filter=filter)
        return self.hydrate(result.hits), result

    def hydrate(self, hits: Sequence[Hit]) -> tuple[Found, ...]:
        """Hits with their passages; a passage that was removed since the search is left out."""
        with self.app.database.read(self.workspace_id) as rows:
            records = passage_records(rows, [hit.passage_id for hit in hits])
        return tuple(Found(hit, records[hit.passage_id]) for hit in hits if hit.passage_id in records)

    def _rerank(self) -> Rerank | None:
        model = self.app.models.cross_encoder()
        return make_reranker(model, self._texts) if model is not None else None

    def _texts(self, passage_ids: Sequence[int]) -> Sequence[str]:
        with self.app.database.read(self.workspace_id) as rows:
            records = passage_records(rows, passage_ids)
        return [records[i].index_text if i in records else "" for i in passage_ids]


def passage_records(rows: Rows, passage_ids: Iterable[int]) -> dict[int, PassageRecord]:
    """Passages of documents that were not deleted, by id."""
    statement = (
        rows.select(Passage, Passage.id.in_([int(i) for i in passage_ids]))
        .join(Document, Document.id == Passage.document_id)
        .join(DocumentVersion, DocumentVersion.id == Passage.version_id)
        .where(Document.deleted_at.is_(None))
        .add_columns(Document.name, DocumentVersion.document_date)
    )
    return {p.id: _record(p, name, date) for p, name, date in rows.session.execute(statement)}


def _record(passage: Passage, name: str, date: str) -> PassageRecord:
    return PassageRecord(
        id=passage.id,
        document_id=passage.document_id,
        version_id=passage.version_id,
        document_name=name,
        page=passage.page,
        section=passage.section,
        header=passage.header,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        language="zh" if passage.language == "zh" else "en",
        document_date=date,
    )


def _removed(rows: Rows, knowledge_base_id: int) -> list[int]:
    """Documents that were deleted and are still in the index, until the next build."""
    gone = Document.knowledge_base_id == knowledge_base_id, Document.deleted_at.is_not(None)
    return list(rows.session.scalars(rows.columns(Document, Document.id, where=gone)))


def _chosen(rows: Rows, knowledge_base_id: int, filter: SearchFilter) -> list[int] | None:
    if not filter.document_ids and not filter.metadata:
        return None
    found = rows.all(rows.select(Document, Document.knowledge_base_id == knowledge_base_id))
    wanted = filter.metadata.items()
    return [
        document.id
        for document in found
        if (not filter.document_ids or document.id in filter.document_ids)
        and all(str(document.doc_metadata.get(key)) == value for key, value in wanted)
    ]


class IndexCache:
    """Opened versions, the most recently used ones; a damaged or missing one is rebuilt from the database."""

    def __init__(self) -> None:
        self._app: Application | None = None
        self._open: OrderedDict[int, OpenVersion] = OrderedDict()
        self._guard = threading.Lock()
        self._opening: dict[int, threading.Lock] = {}

    def bind(self, app: Application) -> None:
        self._app = app

    def live(self, workspace_id: int, knowledge_base_id: int) -> OpenVersion | None:
        """The published version, or None when nothing was published yet. Raises Unavailable while it is rebuilt."""
        assert self._app is not None
        with self._app.database.read(workspace_id) as rows:
            version_id = rows.get(KnowledgeBase, knowledge_base_id).live_version
        return None if version_id is None else self.version(workspace_id, knowledge_base_id, version_id)

    def version(self, workspace_id: int, knowledge_base_id: int, version_id: int) -> OpenVersion | None:
        """This version, opened; None when it is no version of this workspace's knowledge base."""
        with self._guard:
            found = self._open.get(version_id)
            if found is not None:
                self._open.move_to_end(version_id)
            lock = self._opening.setdefault(version_id, threading.Lock())
        if found is not None:
            same = found.workspace_id == workspace_id and found.knowledge_base_id == knowledge_base_id
            return found if same else None
        with lock:
            if version_id not in self._open and not self._load(workspace_id, knowledge_base_id, version_id):
                return None
        return self.version(workspace_id, knowledge_base_id, version_id)

    def _load(self, workspace_id: int, knowledge_base_id: int, version_id: int) -> bool:
        app = self._app
        assert app is not None
        with app.database.read(workspace_id) as rows:
            version = rows.find(
                IndexVersion, IndexVersion.id == version_id, IndexVersion.knowledge_base_id == knowledge_base_id
            )
        if version is None:
            return False
        folder = folder_of(app, knowledge_base_id, version_id)
        try:
            knowledge = KnowledgeIndex.open(folder, app.encoder())
        except IndexDamaged as error:
            log.warning("index damaged, rebuilding", version=version_id, problem=error.code)
            self._rebuild(workspace_id, knowledge_base_id, version)
            knowledge = KnowledgeIndex.open(folder, app.encoder())
        opened = OpenVersion(app, workspace_id, knowledge_base_id, version_id, knowledge)
        with self._guard:
            self._open[version_id] = opened
            while len(self._open) > MOST_OPEN:
                self._opening.pop(self._open.popitem(last=False)[0], None)
        return True

    def _rebuild(self, workspace_id: int, knowledge_base_id: int, version: IndexVersion) -> None:
        assert self._app is not None
        if version.passage_count > REBUILD_AT_ONCE:
            start_job(self._app, workspace_id, "rebuild", knowledge_base_id, version_id=version.id)
            raise Unavailable("index_rebuilding", passages=version.passage_count)
        write_version(self._app, workspace_id, version.id)


def held_matches(
    app: Application, workspace_id: int, knowledge_base_id: int, question: str, k: int = 3
) -> tuple[Found, ...]:
    """Passages of documents that wait for review and speak of what is asked, best first.

    The score is the share of the question's words that the passage holds; at least half of them must be there.
    """
    asked = set(search_words(question))
    if not asked:
        return ()
    with app.database.read(workspace_id) as rows:
        shares = [(len(asked & words) / len(asked), i) for i, words in _held_words(app, rows, knowledge_base_id)]
        best = sorted((pair for pair in shares if pair[0] >= 0.5), reverse=True)[:k]
        records = passage_records(rows, [passage_id for _, passage_id in best])
    return tuple(Found(Hit(i, share, lexical=share), records[i]) for share, i in best if i in records)


def _held_words(app: Application, rows: Rows, knowledge_base_id: int) -> Sequence[tuple[int, frozenset[str]]]:
    """Search words of the held passages, kept until another version is held or decided."""
    stamp = held_stamp(rows, knowledge_base_id)
    cache: dict[int, tuple[Any, Sequence[tuple[int, frozenset[str]]]]] = app.caches.setdefault("held_words", {})
    kept = cache.get(knowledge_base_id)
    if kept is None or kept[0] != stamp:
        passages = held_passages(rows, knowledge_base_id) if stamp else []
        words = [(p.id, frozenset(search_words(f"{p.section}\n{p.header}\n{p.text}"))) for p in passages]
        while len(cache) >= MOST_OPEN:
            cache.pop(next(iter(cache)), None)
        cache[knowledge_base_id] = kept = (stamp, words)
    return kept[1]


def retrieval_test(app: Application, actor: Actor, knowledge_base_id: int, question: str, k: int = 10) -> RetrievalTest:
    """One question through every stage, and the answer it leads to. Raises Unavailable when nothing is published."""
    from core.services.ladder import answer_question, threshold_of

    actor.require(Permission.KNOWLEDGE_READ)
    opened = app.indexes.live(actor.workspace_id, knowledge_base_id)
    if opened is None:
        raise Unavailable("nothing_published")
    result = opened.search(question, k=k)
    ids = {i for stage in result.stages.values() for i, _ in stage.ranking[:k]}
    with app.database.read(actor.workspace_id) as rows:
        records = passage_records(rows, ids)
        row = rows.get(KnowledgeBase, knowledge_base_id)
    stages = {
        name: tuple(Found(Hit(i, score), records[i]) for i, score in stage.ranking[:k] if i in records)
        for name, stage in result.stages.items()
    }
    return RetrievalTest(
        question=question,
        words=result.query_words,
        stages=stages,
        milliseconds={name: stage.milliseconds for name, stage in result.stages.items()},
        answer=answer_question(app, actor.workspace_id, knowledge_base_id, question),
        weights={"lexical": 1.0 - result.weight, "dense": result.weight},
        threshold=threshold_of(app, row),
    )
