"""Golden questions put to an index version, and what came of each: the part of a run that stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from core.assistant.golden import GoldenExpectation, Verdict, judge
from core.db.tables import GoldenQuestion
from core.db.unit_of_work import Rows
from core.errors import PilotlightError
from core.services.application import Application
from core.services.calibration import Case
from core.services.ladder import Considered, consider, settle
from core.services.spoken import Clock
from core.types import Answer, Rung

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]
THREADS = 2
# What the pages call the ways to fail.
WHY = {
    "refused": "refused",
    "answered_unanswerable": "answered",
    "wrong_document": "wrong_document",
    "answer_missing": "wrong_answer",
    "person": "no_answer",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A golden question and what the ladder made of it before the threshold: None where it failed.

    ``proposed`` is what the documents say to it, also where an FAQ entry speaks: the threshold is about documents.
    """

    row: GoldenQuestion
    considered: Considered | None
    proposed: Answer | None = None
    evidence: tuple[float, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    row: GoldenQuestion
    passed: bool
    why: str
    answer: Answer | None


def questions_of(rows: Rows, kb_id: int) -> list[GoldenQuestion]:
    return rows.all(rows.select(GoldenQuestion, GoldenQuestion.knowledge_base_id == kb_id).order_by(GoldenQuestion.id))


def ask_all(
    app: Application,
    workspace_id: int,
    kb_id: int,
    questions: Sequence[GoldenQuestion],
    version_id: int | None,
    progress: Progress | None,
) -> list[Asked]:
    def ask(row: GoldenQuestion) -> Asked:
        look = partial(consider, app, workspace_id, kb_id, row.question, version_id=version_id, clock=Clock())
        try:
            considered = look()
            by_entry = considered.settled is not None and considered.settled.rung is Rung.FAQ
            # An entry may stand for knowledge that no document holds; then it says nothing about documents.
            from_documents = look(use_faq=False) if by_entry and (row.document or not row.answerable) else considered
            return Asked(row, considered, from_documents.proposed, from_documents.evidence, from_documents.kind)
        except PilotlightError as error:
            # One question that cannot be asked (an index that is being rebuilt) must not hide the others.
            log.warning("golden question failed", question=row.id, code=error.code)
            return Asked(row, None)

    asked: list[Asked] = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="golden") as pool:
        try:
            for found in pool.map(ask, questions):
                asked.append(found)
                if progress is not None:
                    progress(len(asked), len(questions))
        except BaseException:  # a cancelled job must not wait for all the others
            pool.shutdown(cancel_futures=True)
            raise
    return asked


def judge_all(
    app: Application, workspace_id: int, kb_id: int, asked: Sequence[Asked], threshold: float
) -> list[Judged]:
    judged = []
    for one in asked:
        if one.considered is None:
            judged.append(Judged(one.row, False, "error", None))
            continue
        answer = settle(app, workspace_id, kb_id, one.considered, threshold).answer
        verdict = _verdict(one.row, answer)
        judged.append(Judged(one.row, verdict.passed, "" if verdict.passed else WHY[verdict.why], answer))
    return judged


def cases_of(asked: Sequence[Asked]) -> list[Case]:
    """What the documents said to each question, for calibration."""
    return [
        Case(
            confidence=one.proposed.confidence,
            right=one.row.answerable and _verdict(one.row, one.proposed).passed,
            answerable=one.row.answerable,
            evidence=one.evidence,
            kind=one.kind,
        )
        for one in asked
        if one.proposed is not None
    ]


def _verdict(row: GoldenQuestion, answer: Answer) -> Verdict:
    return judge(GoldenExpectation(row.document, row.answer, row.answerable), answer)
