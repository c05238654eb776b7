"""When there is no answer, and why: nothing indexed, too weak, a document waits for review, or sources contradict."""

from __future__ import annotations

from collections.abc import Sequence

from core.assistant.answer import Draft, select
from core.assistant.cite import cite
from core.assistant.confidence import confidence
from core.assistant.contradiction import find
from core.assistant.ranking import Idf, Ranked
from core.types import Citation, Found, Refusal, RefusalReason

NEAREST = 3  # passages shown with a refusal
_NEARLY = 0.5  # of the threshold: from here on a contradiction explains more than "too weak"


def refusal_for(
    question: str,
    draft: Draft,
    found: Sequence[Found],
    *,
    certain: float,
    threshold: float,
    passages: int,
    held: Sequence[Found] = (),
    idf: Idf | None = None,
) -> Refusal | None:
    """Why ``draft`` must not be given; None when it may.

    ``certain`` is its confidence, ``threshold`` the least one at which answers are given, ``passages`` how many are
    indexed in all, ``held`` what the question finds in documents that wait for review (their text is never quoted).
    """
    if certain >= threshold * _NEARLY and (contradiction := find(draft.ranked, found)) is not None:
        pair = (contradiction.one, contradiction.other)
        detail = {"values": list(contradiction.values), "dates": [c.document_date for c in pair]}
        return Refusal(RefusalReason.CONTRADICTION, pair, detail)
    if draft.sentences and certain >= threshold:
        return None
    waiting = _waiting(question, held, max(certain, min(threshold, 1.0)), idf)
    if waiting:
        return Refusal(RefusalReason.IN_REVIEW, (), {"documents": waiting})
    if passages == 0:
        return Refusal(RefusalReason.NOTHING_INDEXED)
    measured = {"confidence": round(certain, 3), "threshold": round(min(threshold, 1.0), 3)}
    return Refusal(RefusalReason.TOO_WEAK, nearest(draft.ranked, found), measured)


def nearest(ranked: Ranked, found: Sequence[Found]) -> tuple[Citation, ...]:
    """The best sentence of each of the up to three passages that came nearest, best first."""
    best: dict[int, Citation] = {}
    for candidate in ranked.candidates:
        if len(best) == NEAREST:
            break
        if candidate.passage not in best:
            best[candidate.passage] = cite(found[candidate.passage].passage, candidate.view.start, candidate.view.end)
    return tuple(best.values())


def _waiting(question: str, held: Sequence[Found], least: float, idf: Idf | None) -> list[str]:
    """Names of documents in review that would have answered at least as well, in order of their match."""
    if not held:
        return []
    draft = select(question, held, idf=idf)
    if confidence(draft, held, idf=idf) < least:
        return []
    return list(dict.fromkeys(citation.document for citation in draft.citations))
