"""The ladder: small talk, a person, an approved FAQ entry, the documents, or an honest refusal. Stores nothing.

An answer is made in three steps, so that golden questions can be judged by any threshold: ``consider`` searches and
drafts (the slow part), ``settle`` decides by the threshold, ``speak`` says it, in the words of a language model where one
is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from core.assistant import dialogue
from core.assistant.answer import Draft, select
from core.assistant.confidence import confidence, default_threshold
from core.assistant.contradiction import find_contradiction
from core.assistant.dialogue import Turn
from core.assistant.refuse import refusal_for
from core.assistant.wording import stream_wording
from core.db.tables import KnowledgeBase
from core.services.application import Application, OpenIndex
from core.services.faq_match import match_faq
from core.services.retrieve import held_matches
from core.services.similarity import sentence_similarity, text_similarity
from core.services.spoken import Clock, Speech
from core.text.language import detect_language
from core.types import Answer, Found, Language, Refusal, RefusalReason, Rung

SEARCHED = 10  # passages from which sentences are chosen
NEVER = 2.0  # a threshold above every probability: nothing is answered


@dataclass(frozen=True, slots=True)
class Considered:
    """A question before the threshold decides. ``settled`` needs no threshold; else ``draft`` is the documents' answer."""

    question: str
    language: Language
    settled: Answer | None = None
    draft: Answer | None = None
    contradiction: Refusal | None = None
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What will be said. ``found`` holds what a language model may word it from; empty where its words stand as they are."""

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

    ``version_id`` names another index version than the live one (a draft). ``on_text`` is given the pieces as they come.
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
    speech = speak(app, decided, clock)
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
        understood = dialogue.understand(question, history, language)
