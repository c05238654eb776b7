"""FAQ entries: the owner's own words for questions that are asked often. An approved one is answered verbatim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.access.actor import Actor, Permission
from core.db.searching import holding
from core.db.tables import FaqEntry, KnowledgeBase
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.rows_file import ImportReport, flag_of, list_of, read_rows, text_of
from core.services.views import FaqView, PageOf, Upload
from core.text.language import detect_language
from core.types import Language

MAX_QUESTION = 1000
MAX_ANSWER = 10_000
MAX_PHRASINGS = 50
COLUMNS: Mapping[str, frozenset[str]] = {
    "question": frozenset({"questions", "q", "title", "问题", "問題", "提问", "标准问题", "标准问"}),
    "answer": frozenset({"answers", "a", "reply", "答案", "回答", "回复", "標準答案", "标准答案"}),
    "phrasings": frozenset({"similar", "similar questions", "variants", "aliases", "相似问", "相似问题", "其他问法"}),
    "language": frozenset({"lang", "语言", "語言"}),
    "tags": frozenset({"tag", "category", "labels", "标签", "標籤", "分类"}),
    "approved": frozenset({"active", "已审核", "已批准", "启用"}),
}


def list_faq(
    app: Application,
    actor: Actor,
    kb_id: int,
    *,
    search: str = "",
    approved: bool | None = None,
    limit: int = 100,
    offset: int = 0,
) -> PageOf:
    """Entries of a knowledge base, suggestions that wait for approval first, then by hits; a page of FaqView."""
    actor.require(Permission.KNOWLEDGE_READ)
    with app.database.read(actor.workspace_id) as rows:
        where: list[Any] = [FaqEntry.knowledge_base_id == kb_id]
        if approved is not None:
            where.append(FaqEntry.approved.is_(approved))
        if wanted := search.strip():
            where.append(holding(rows, FaqEntry, wanted, FaqEntry.question, FaqEntry.answer, where=where))
        order = (FaqEntry.approved, FaqEntry.hits.desc(), FaqEntry.id)
        found = rows.all(rows.select(FaqEntry, *where).order_by(*order).limit(limit).offset(offset))
        return PageOf(tuple(map(faq_view, found)), rows.count(FaqEntry, *where))


def save_faq(
    app: Application,
    actor: Actor,
    kb_id: int,
    *,
    id: int | None = None,
    question: str,
    answer: str,
    phrasings: Sequence[str] = (),
    language: Language | None = None,
    tags: Sequence[str] = (),
    approved: bool = True,
    source: str = "owner",
) -> int:
    """Stores a new entry, or the one with ``id``; its id. ``language`` None: that of the question.

    Raises BadInput for an empty or overlong question or answer, NotFound for an entry of another knowledge base.
    """
    actor.require(Permission.KNOWLEDGE_WRITE)
    values = checked(question, answer, phrasings, language, tags)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        if id is None:
            return add_entry(rows, kb_id, values, approved=approved, source=source).id
        entry = rows.get(FaqEntry, id)
        if entry.knowledge_base_id != kb_id:
            raise NotFound("not_found", what="faq entry", id=id)
        for name, value in values.items():
            setattr(entry, name, value)
        entry.approved = approved
        return entry.id


def delete_faq(app: Application, actor: Actor, faq_id: int) -> None:
    actor.require(Permission.KNOWLEDGE_WRITE)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(FaqEntry, faq_id)
        rows.delete(FaqEntry, FaqEntry.id == faq_id)


def import_faq(app: Application, actor: Actor, kb_id: int, upload: Upload) -> ImportReport:
    """Entries from CSV, XLSX or JSONL: question, answer, and maybe phrasings, language, tags, approved.

    A question that the knowledge base already has (without regard to case and spaces) is updated. Rows that lack
    something are skipped and named; nothing is stored when the file as a whole cannot be used (BadInput).
    """
    actor.require(Permission.KNOWLEDGE_WRITE)
    found = read_rows(app.settings, upload, COLUMNS, "question")
    skipped: list[tuple[int, str]] = []
    wanted: dict[str, tuple[dict[str, Any], bool]] = {}
    updated = 0
    for line, cells in found:
        try:
            values, approved = _row(cells)
        except BadInput as error:
            skipped.append((line, error.code))
        else:
            key = same_question(values["question"])
            updated += key in wanted
            wanted[key] = values, approved
    with app.database.write(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        here = rows.all(rows.select(FaqEntry, FaqEntry.knowledge_base_id == kb_id))
        existing = {same_question(entry.question): entry for entry in here}
        fresh: list[FaqEntry] = []
        for key, (values, approved) in wanted.items():
            if (entry := existing.get(key)) is None:
                fresh.append(FaqEntry(knowledge_base_id=kb_id, source="import", approved=approved, **values))
                continue
            updated += 1
            entry.approved = approved
            for name, value in values.items():
                setattr(entry, name, value)
        rows.add_all(fresh)
    return ImportReport(len(fresh), updated, tuple(skipped))


# --- shared with handoff and ask ------------------------------------------------------------------


def checked(
    question: str, answer: str, phrasings: Sequence[str], language: str | None, tags: Sequence[str]
) -> dict[str, Any]:
    """The columns of an entry. Raises BadInput."""
    asked, said = " ".join(question.split()), answer.strip()
    if not asked:
        raise BadInput("chat.faq_no_question")
    if not said:
        raise BadInput("chat.faq_no_answer")
    others = list(dict.fromkeys(p for p in (" ".join(p.split()) for p in phrasings) if p and p != asked))
    if max(len(asked), *map(len, others), 0) > MAX_QUESTION or len(said) > MAX_ANSWER or len(others) > MAX_PHRASINGS:
        raise BadInput("chat.faq_too_long", question=MAX_QUESTION, answer=MAX_ANSWER, phrasings=MAX_PHRASINGS)
    if language is not None and language not in ("en", "zh"):
        raise BadInput("chat.language", language=language)
    return {
        "question": asked,
        "answer": said,
        "phrasings": others,
        "language": language or detect_language(asked),
        "tags": list(dict.fromkeys(tag.strip() for tag in tags if tag.strip())),
    }


def add_entry(rows: Rows, kb_id: int, values: Mapping[str, Any], *, approved: bool, source: str) -> FaqEntry:
    return rows.add(FaqEntry(knowledge_base_id=kb_id, approved=approved, source=source, **values))


def faq_view(row: FaqEntry) -> FaqView:
    return FaqView(
        id=row.id,
        question=row.question,
        phrasings=tuple(row.phrasings),
        answer=row.answer,
        language=row.language,
        tags=tuple(row.tags),
        approved=row.approved,
        hits=row.hits,
        source=row.source.partition(":")[0],
        updated_at=row.updated_at,
    )


def same_question(question: str) -> str:
    return " ".join(question.casefold().split())


def _row(cells: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    approved = flag_of(cells, "approved", True)
    if approved is None:
        raise BadInput("chat.import_flag")
    language = text_of(cells, "language").lower()[:2] or None
    values = checked(
        text_of(cells, "question"),
        text_of(cells, "answer"),
        list_of(cells, "phrasings"),
        language,
        list_of(cells, "tags"),
    )
    return values, approved
