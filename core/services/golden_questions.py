"""Golden questions: what a knowledge base must (or must not) be able to answer. Listed, saved, deleted, imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor, Permission
from core.db.searching import holding
from core.db.tables import GoldenQuestion, KnowledgeBase
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.faq import same_question
from core.services.rows_file import ImportReport, flag_of, read_rows, text_of
from core.services.views import GoldenView, PageOf, Upload
from core.text.language import detect_language
from core.types import Language

MAX_QUESTION = 1000
MAX_ANSWER = 10_000
COLUMNS: Mapping[str, frozenset[str]] = {
    "question": frozenset({"q", "问题", "問題", "提问"}),
    "answerable": frozenset({"has_answer", "可回答", "能回答", "是否可答"}),
    "document": frozenset({"source", "file", "文档", "文件", "来源"}),
    "answer": frozenset({"a", "expected", "expected answer", "答案", "回答", "期望答案"}),
    "note": frozenset({"notes", "comment", "备注", "说明"}),
    "language": frozenset({"lang", "语言", "語言"}),
}


def list_golden(
    app: Application, actor: Actor, kb_id: int, *, search: str = "", limit: int = 100, offset: int = 0
) -> PageOf:
    """Golden questions in the order in which they were added; a page of GoldenView."""
    actor.require(Permission.QUALITY_READ)
    with app.database.read(actor.workspace_id) as rows:
        where: list[Any] = [GoldenQuestion.knowledge_base_id == kb_id]
        if wanted := search.strip():
            where.append(holding(rows, GoldenQuestion, wanted, GoldenQuestion.question, where=where))
        statement = rows.select(GoldenQuestion, *where).order_by(GoldenQuestion.id).limit(limit).offset(offset)
        return PageOf(tuple(map(golden_view, rows.all(statement))), rows.count(GoldenQuestion, *where))


def save_golden(
    app: Application,
    actor: Actor,
    kb_id: int,
    *,
    id: int | None = None,
    question: str,
    answerable: bool = True,
    document: str = "",
    answer: str = "",
    note: str = "",
    language: Language | None = None,
    source: str = "owner",
) -> int:
    """Stores a new golden question, or the one with ``id``; its id.

    Raises BadInput for an empty or overlong question, and for an answerable one that names neither the document nor the
    answer that is expected: nothing could be checked.
    """
    actor.require(Permission.QUALITY)
    values = checked(question, answerable, document, answer, note, language)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        if id is None:
            return rows.add(GoldenQuestion(knowledge_base_id=kb_id, source=source, **values)).id
        row = rows.get(GoldenQuestion, id)
        if row.knowledge_base_id != kb_id:
            raise NotFound("not_found", what="golden question", id=id)
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


def delete_golden(app: Application, actor: Actor, golden_id: int) -> None:
    actor.require(Permission.QUALITY)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(GoldenQuestion, golden_id)
        rows.delete(GoldenQuestion, GoldenQuestion.id == golden_id)


def import_golden(app: Application, actor: Actor, kb_id: int, upload: Upload) -> ImportReport:
    """Golden questions from CSV, XLSX or JSONL: question, answerable, document, answer, note, language.

    A question that is there already (without regard to case and spaces) is updated; rows that lack something are
    skipped and named. Raises BadInput when the file as a whole cannot be used; then nothing is stored.
    """
    actor.require(Permission.QUALITY)
    found = read_rows(app.settings, upload, COLUMNS, "question")
    skipped: list[tuple[int, str]] = []
    wanted: dict[str, dict[str, Any]] = {}
    updated = 0
    for line, cells in found:
        try:
            values = _row(cells)
        except BadInput as error:
            skipped.append((line, error.code))
        else:
            key = same_question(values["question"])
            updated += key in wanted
            wanted[key] = values
    with app.database.write(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        here = rows.all(rows.select(GoldenQuestion, GoldenQuestion.knowledge_base_id == kb_id))
        existing = {same_question(row.question): row for row in here}
        fresh = [
            GoldenQuestion(knowledge_base_id=kb_id, source="import", **values)
            for key, values in wanted.items()
            if key not in existing
        ]
        for key in wanted.keys() & existing.keys():
            updated += 1
            for name, value in wanted[key].items():
                setattr(existing[key], name, value)
        rows.add_all(fresh)
    return ImportReport(len(fresh), updated, tuple(skipped))


def checked(
    question: str, answerable: bool, document: str, answer: str, note: str, language: str | None
) -> dict[str, Any]:
    """The columns of a golden question. Raises BadInput."""
    asked = " ".join(question.split())
    if not asked:
        raise BadInput("chat.golden_no_question")
    if answerable and not (document.strip() or answer.strip()):
        raise BadInput("chat.golden_no_expectation")
    if len(asked) > MAX_QUESTION or len(answer) > MAX_ANSWER or len(document) > 400:
        raise BadInput("chat.golden_too_long", question=MAX_QUESTION, answer=MAX_ANSWER)
    if language is not None and language not in ("en", "zh"):
        raise BadInput("chat.language", language=language)
    return {
        "question": asked,
        "answerable": answerable,
        "document": document.strip() if answerable else "",
        "answer": answer.strip() if answerable else "",
        "note": note.strip(),
        "language": language or detect_language(asked),
    }


def golden_view(row: GoldenQuestion) -> GoldenView:
    return GoldenView(
        id=row.id,
        question=row.question,
        language=row.language,
        answerable=row.answerable,
        document=row.document,
        answer=row.answer,
        note=row.note,
        source=row.source.partition(":")[0],
    )


def _row(cells: Mapping[str, Any]) -> dict[str, Any]:
    answerable = flag_of(cells, "answerable", True)
    if answerable is None:
        raise BadInput("chat.import_flag")
    language = text_of(cells, "language").lower()[:2] or None
    columns = (text_of(cells, name) for name in ("document", "answer", "note"))
    document, answer, note = columns
    return checked(text_of(cells, "question"), answerable, document, answer, note, language)
