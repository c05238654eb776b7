"""What a person on duty needs to take over a conversation, made from its own words: nothing is generated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.text.catalogue import translate
from core.types import Answer, Citation, Language, RefusalReason, Rung

MAX_QUESTION = 200  # characters of a question shown in the summary
MAX_ANSWER = 120
MAX_LISTED = 8  # questions listed; of a longer conversation the first and the latest


class HandoffReason(StrEnum):
    """Why a person is wanted."""

    ASKED = "asked"  # the customer asked for one
    REFUSED = "refused"  # no answer could be given
    UNHELPFUL = "unhelpful"  # the customer said that an answer did not help
    STAFF = "staff"  # somebody on duty stepped in
    MOOD = "mood"  # the customer's messages sound angry or urgent


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said. ``answer`` belongs to the assistant's turns; ``helpful`` is the customer's feedback on it."""

    speaker: Literal["customer", "assistant", "staff"]
    text: str
    answer: Answer | None = None
    helpful: bool | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A question, who answered it, with what, and how that ended."""

    question: str
    rung: Rung | None  # None: not answered before the handoff
    citations: tuple[Citation, ...]
    answer: str
    failed: bool
    why: str  # "", unanswered, refused.<reason>, unhelpful


@dataclass(frozen=True, slots=True)
class HandoffPacket:
    """``summary`` is in the reader's language; what the customer wrote stays as written."""

    summary: str
    tried: tuple[Tried, ...]
    reason: HandoffReason
    contact: str


def packet(turns: Sequence[Turn], reason: HandoffReason, language: Language, *, contact: str = "") -> HandoffPacket:
    """The packet for ``turns``, oldest first. ``contact``: how the customer may be reached; empty when unknown."""
    tried = tuple(_tried(turns))
    return HandoffPacket(_summary(tried, reason, language, contact), tried, reason, contact)


def _tried(turns: Sequence[Turn]) -> list[Tried]:
    found: list[Tried] = []
    question: str | None = None
    for turn in turns:
        if turn.speaker == "customer":
            if question is not None:
                found.append(_unanswered(question))
            question = turn.text
        elif question is not None and turn.speaker == "staff":
            said = _short(turn.text, MAX_ANSWER)
            found.append(Tried(_short(question, MAX_QUESTION), Rung.PERSON, (), said, False, ""))
            question = None
        elif question is not None:
            if turn.answer is None or turn.answer.rung is not Rung.SMALLTALK:
                found.append(_answered(question, turn))
            question = None
    if question is not None and not _asks_for_person(question):
        found.append(_unanswered(question))
    return found


def _unanswered(question: str) -> Tried:
    return Tried(_short(question, MAX_QUESTION), None, (), "", True, "unanswered")


def _answered(question: str, turn: Turn) -> Tried:
    answer = turn.answer
    refusal = answer.refusal if answer else None
    if answer is None:
        return Tried(_short(question, MAX_QUESTION), None, (), _short(turn.text, MAX_ANSWER), False, "")
    why = f"refused.{refusal.reason.value}" if refusal else "unhelpful" if turn.helpful is False else ""
    return Tried(
        question=_short(question, MAX_QUESTION),
        rung=answer.rung,
        citations=refusal.best if refusal else answer.citations,
        answer="" if refusal else _short(answer.text or turn.text, MAX_ANSWER),
        failed=bool(why),
        why=why,
    )


_PERSON = re.compile(
    r"\b(?:human|agent|person|representative|operator|somebody|someone|staff)\b"
    r"|人工|真人|转接|客服(?:人员|专员)?$",
    re.I,
)


def _asks_for_person(text: str) -> bool:
    """Whether a last turn is only the wish for a person: short, and naming one."""
    return len(text) <= 60 and _PERSON.search(text.strip(" 。.!！?？")) is not None


def _summary(tried: Sequence[Tried], reason: HandoffReason, language: Language, contact: str) -> str:
    def say(key: str, **values: object) -> str:
        return translate(language, f"handoff.{key}", **values)

    lines = [say(f"reason.{reason.value}")]
    if not tried:
        lines.append(say("no_questions"))
    else:
        failed = sum(one.failed for one in tried)
        lines.append(say("count_one" if len(tried) == 1 else "count", count=len(tried), failed=failed))
    shown = list(enumerate(tried, 1))
    if len(shown) > MAX_LISTED:
        shown = [shown[0], *shown[-(MAX_LISTED - 1) :]]
    previous = 0
    for number, one in shown:
        if number > previous + 1:
            lines.append(say("left_out", count=number - previous - 1))
        lines.append(say("line", number=number, question=one.question, outcome=_outcome(one, language)))
        previous = number
    if contact:
        lines.append(say("contact", contact=contact))
    return "\n".join(lines)


def _outcome(one: Tried, language: Language) -> str:
    def say(key: str, **values: object) -> str:
        return translate(language, f"handoff.outcome.{key}", **values)

    if one.why == "unanswered":
        return say("unanswered")
    if one.why.startswith("refused."):
        reason = RefusalReason(one.why.removeprefix("refused."))
        return say(f"refused_{reason.value}", sources=_sources(one.citations, language))
    if one.rung is None:
        return say("said", answer=one.answer)
    key = {Rung.FAQ: "faq", Rung.PERSON: "person"}.get(one.rung, "documents")
    said = say(key, answer=one.answer, sources=_sources(one.citations, language))
    return said + say("unhelpful") if one.why == "unhelpful" else said


def _sources(citations: Sequence[Citation], language: Language) -> str:
    """Up to three documents with page, each once; empty without citations."""
    places = list(dict.fromkeys((c.document, c.page) for c in citations))[:3]
    if not places:
        return ""
    listed = [translate(language, "handoff.place", document=document, page=page) for document, page in places]
    separator = "、" if language == "zh" else ", "
    return translate(language, "handoff.sources", places=separator.join(listed))


def _short(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters, cut at a word where there is one."""
    line = re.sub(r"\s+", " ", text).strip()
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    space = cut.rfind(" ")
    return f"{cut[:space] if space > limit * 0.7 else cut}…"
