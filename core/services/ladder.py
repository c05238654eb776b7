"""The ladder: small talk, a person, an approved FAQ entry, the documents, or an honest refusal. Stores nothing.

An answer is made in three steps, so that golden questions can be judged by any threshold: ``consider`` searches and
drafts (the slow part), ``settle`` decides by the threshold, ``speak`` says it, in the words of a language model where
one is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.assistant.answer import Draft, select
from core.assistant.confidence import evidence, kind_of, probability, shipped
from core.assistant.dialogue import Turn, understand
from core.assistant.ranking import Idf
from core.assistant.refuse import refusal_for
from core.assistant.weights import Linear
from core.assistant.wording import stream_wording
from core.db.tables import KnowledgeBase
from core.services.application import Application, OpenIndex
from core.services.calibration import model_of, threshold_of
from core.services.faq_match import match_faq
from core.services.privacy import chat_of
from core.services.retrieve import held_matches
from core.services.similarity import sentence_similarity, text_similarity
from core.services.spoken import Clock, Speech
from core.text.catalogue import translate
from core.text.language import detect_language
from core.types import Answer, Found, Language, Refusal, RefusalReason, Rung

__all__ = ["Considered", "Decided", "answer_question", "consider", "decide", "settle", "speak", "threshold_of"]

SEARCHED = 10  # passages from which sentences are chosen
# Without a word of the question among these reasons, a document that waits for review may explain the silence.
_MAYBE_HELD = frozenset({RefusalReason.TOO_WEAK, RefusalReason.NOTHING_INDEXED})


@dataclass(frozen=True, slots=True)
class Considered:
    """A question before the threshold decides. ``settled`` needs none; else ``draft`` is what the documents say."""

    question: str
    language: Language
    settled: Answer | None = None
    draft: Draft | None = None
    found: tuple[Found, ...] = ()
    certain: float = 0.0
    passages: int = 0  # in the index
    idf: Idf | None = None
    evidence: tuple[float, ...] = ()  # what ``certain`` was computed from; empty where the documents say nothing
    kind: str = ""  # of the evidence

    @property
    def proposed(self) -> Answer | None:
        """The documents' answer as it would be given if the threshold allowed it."""
        if self.draft is None or not self.draft.sentences:
            return None
        draft = self.draft
        return Answer(draft.text, Rung.DOCUMENT, self.certain, draft.citations, draft.sentences, query=self.question)


@dataclass(frozen=True, slots=True)
class Decided:
    """What will be said. ``found``: what a language model may word it from; empty where the words stand as they are."""

    question: str
    language: Language
    answer: Answer
    found: tuple[Found, ...] = ()


def answer_question(
    app: Application,
    workspace_id: int,
    kb_id: int,
    question: str,
    *,
    history: Sequence[Turn] = (),
    language: Language | None = None,
    version_id: int | None = None,
    use_faq: bool = True,
    on_text: Callable[[str], None] | None = None,
) -> Answer:
    """What the ladder says to one question of a workspace's knowledge base; nothing is stored and no hit is counted.

    ``version_id`` names another index version than the live one (a draft). ``on_text`` gets the pieces as they come.
    Raises NotFound for a knowledge base of another workspace, Unavailable while its index cannot be read.
    """
    clock = Clock()
    decided = decide(
        app,
        workspace_id,
        kb_id,
        question,
        history=history,
        language=language,
        version_id=version_id,
        use_faq=use_faq,
        clock=clock,
    )
    speech = speak(app, workspace_id, decided, clock)
    for piece in speech:
        if on_text is not None:
            on_text(piece)
    return speech.answer


def decide(
    app: Application,
    workspace_id: int,
    kb_id: int,
    question: str,
    *,
    history: Sequence[Turn] = (),
    language: Language | None = None,
    version_id: int | None = None,
    use_faq: bool = True,
    clock: Clock | None = None,
) -> Decided:
    """Which rung speaks, and what. See :func:`answer_question` for the arguments and errors."""
    clock = clock or Clock()
    with app.database.read(workspace_id) as rows:
        threshold = threshold_of(app, rows.get(KnowledgeBase, kb_id))
    considered = consider(
        app,
        workspace_id,
        kb_id,
        question,
        history=history,
        language=language,
        version_id=version_id,
        use_faq=use_faq,
        clock=clock,
    )
    with clock.stage("settle"):
        return settle(app, workspace_id, kb_id, considered, threshold)


def consider(
    app: Application,
    workspace_id: int,
    kb_id: int,
    question: str,
    *,
    history: Sequence[Turn] = (),
    language: Language | None = None,
    version_id: int | None = None,
    use_faq: bool = True,
    clock: Clock,
) -> Considered:
    """Everything up to the threshold."""
    language = language or detect_language(question)
    with clock.stage("understand"):
        understood = understand(question, history)
    if understood.kind == "ask_person":
        text = translate(language, "conversation.person_without_conversation")
        return Considered(question, language, Answer(text, Rung.PERSON, 1.0, query=question))
    if understood.kind != "question":
        text = translate(language, f"conversation.smalltalk_{understood.kind}")
        return Considered(question, language, Answer(text, Rung.SMALLTALK, 1.0, query=question))
    query = understood.query
    if use_faq:
        with clock.stage("faq"):
            # As it was said first: a question that an entry answers word for word needs no completion.
            said = dict.fromkeys((question, query))
            entry = next((found for text in said if (found := match_faq(app, workspace_id, kb_id, text))), None)
        if entry is not None:
            return Considered(query, language, entry)
    return _from_documents(app, workspace_id, kb_id, query, language, version_id, clock)


def _from_documents(
    app: Application,
    workspace_id: int,
    kb_id: int,
    query: str,
    language: Language,
    version_id: int | None,
    clock: Clock,
) -> Considered:
    with clock.stage("search"):
        opened = _opened(app, workspace_id, kb_id, version_id)
        found = opened.found(query, SEARCHED)[0] if opened is not None else ()
    # How rare each word is in this knowledge base: "warranty" tells more than "lamp" where all is about lamps.
    idf = opened.knowledge.idf if opened is not None else None
    with clock.stage("answer"):
        draft = select(
            query,
            found,
            max_sentences=app.settings.answer_sentences,
            idf=idf,
            similarity=sentence_similarity(app, query),
        )
        numbers = evidence(draft, found, idf) if draft.sentences else None
        kind = kind_of(draft)
        certain = 0.0 if numbers is None else probability(numbers, _model(app, workspace_id, kb_id, kind))
    size = opened.knowledge.size if opened is not None else 0
    reasons = () if numbers is None else tuple(float(number) for number in numbers)
    return Considered(query, language, None, draft, found, certain, size, idf, reasons, kind)


def _model(app: Application, workspace_id: int, kb_id: int, kind: str) -> Linear:
    """The knowledge base's own confidence model, else the shipped one."""
    with app.database.read(workspace_id) as rows:
        return model_of(rows.get(KnowledgeBase, kb_id).settings, kind, app.settings.encoder) or shipped(kind)


def settle(app: Application, workspace_id: int, kb_id: int, considered: Considered, threshold: float) -> Decided:
    """The answer, or the refusal with its reason."""
    if considered.settled is not None or considered.draft is None:
        assert considered.settled is not None
        return Decided(considered.question, considered.language, considered.settled)
    question, draft = considered.question, considered.draft
    why = partial(
        refusal_for,
        question,
        draft,
        considered.found,
        certain=considered.certain,
        threshold=threshold,
        passages=considered.passages,
        idf=considered.idf,
    )
    refusal = why()
    if refusal is not None and refusal.reason in _MAYBE_HELD:
        refusal = why(held=held_matches(app, workspace_id, kb_id, question))
    answer = considered.proposed
    if refusal is not None or answer is None:
        refusal = refusal or Refusal(RefusalReason.TOO_WEAK)
        refused = Answer(None, Rung.REFUSAL, considered.certain, refusal=refusal, query=question)
        return Decided(question, considered.language, refused)
    return Decided(question, considered.language, answer, considered.found)


def speak(app: Application, workspace_id: int, decided: Decided, clock: Clock) -> Speech:
    """The answer piece by piece. A language model, where one is configured, words what the documents say."""
    chat = chat_of(app, workspace_id) if decided.found else None
    if chat is None:
        return Speech(decided.answer, clock)
    similarity = text_similarity(app) if decided.language == "en" else None
    make = partial(
        stream_wording,
        chat,
        decided.question,
        decided.found,
        decided.answer,
        decided.language,
        similarity=similarity,
    )
    return Speech(decided.answer, clock, make)


def _opened(app: Application, workspace_id: int, kb_id: int, version_id: int | None) -> OpenIndex | None:
    if version_id is None:
        return app.indexes.live(workspace_id, kb_id)
    return app.indexes.version(workspace_id, kb_id, version_id)
