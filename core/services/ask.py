"""One question of a conversation: stored first, answered as a stream, and brought to an honest end whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import structlog

from core.access.actor import Actor, Permission
from core.assistant.dialogue import Turn, understand
from core.db.tables import Conversation, FaqEntry, GoldenQuestion, Message, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound, PilotlightError
from core.metrics import ANSWER_SECONDS, ANSWERS
from core.services import answers_codec, handoff
from core.services.application import Application
from core.services.conversations import answer_of, message_view, own_conversation, title_of
from core.services.ladder import Decided, answer_question, decide, speak
from core.services.spoken import Clock, Speech
from core.services.views import MessageView
from core.text.language import detect_language
from core.types import Language, Rung

__all__ = ["Asked", "answer_question", "ask", "example_questions", "retry"]

log = structlog.get_logger(__name__)

MAX_QUESTION = 4000
HISTORY = 12  # messages that a follow-up may refer to
SIGN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """``stream`` yields the words as they come; closing it is Stop. ``result`` is the stored message after it.

    When a person has taken the conversation over, the stream is empty and the message is the customer's own.
    """

    message_id: int
    stream: Generator[str, None, None]
    result: Callable[[], MessageView]


@dataclass(frozen=True, slots=True)
class _Task:
    """An answer to be made."""

    workspace_id: int
    visitor: str
    conversation_id: int
    knowledge_base_id: int
    message_id: int
    question: str
    history: tuple[Turn, ...]
    language: Language
    waiting: int | None  # the handoff that waits for a person


def ask(app: Application, actor: Actor, conversation_id: int, question: str) -> Asked:
    """Stores the question, then answers it while ``stream`` is read (see :class:`Asked`).

    Raises BadInput for an empty or overlong question, NotFound for another's conversation; nothing is stored then.
    What goes wrong later is stored with the message (``failed``, with the error's code); the stream then just ends.
    """
    actor.require(Permission.CHAT)
    text = question.strip()
    if not text:
        raise BadInput("chat.question_empty")
    if len(text) > MAX_QUESTION:
        raise BadInput("chat.text_too_long", length=len(text), limit=MAX_QUESTION)
    with app.database.write(actor.workspace_id) as rows:
        conversation = own_conversation(rows, actor, conversation_id)
        history = turns(rows, conversation_id)
        asked = rows.add(Message(conversation_id=conversation_id, role="customer", text=text))
        # A greeting that came first gives way to the first question.
        if not conversation.title or understand(conversation.title, ()).kind != "question":
            conversation.title, conversation.language = title_of(text), detect_language(text)
        conversation.updated_at = utc_now()
        open_request = handoff.open_handoff(rows, conversation_id)
        if open_request is not None and open_request.state == "answered":
            # A person speaks now; the assistant must not talk over them.
            return Asked(asked.id, _silence(), lambda: _stored(app, actor.workspace_id, asked.id))
        row = rows.add(Message(conversation_id=conversation_id, role="assistant", state="answering"))
    waiting = open_request.id if open_request is not None else None
    return _start(app, _task(actor, conversation, row.id, text, history, waiting))


def retry(app: Application, actor: Actor, message_id: int) -> Asked:
    """Makes a failed or stopped answer again, in its place. Raises Conflict for one that is neither."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(Message, message_id)
        conversation = own_conversation(rows, actor, row.conversation_id)
        before = Message.conversation_id == row.conversation_id, Message.role == "customer", Message.id < row.id
        found = rows.session.scalars(rows.select(Message, *before).order_by(Message.id.desc()).limit(1)).first()
        if not message_view(row).retry or found is None:
            raise Conflict("chat.retry_not_possible")
        history = turns(rows, row.conversation_id, before_id=found.id)
        row.state, row.text, row.rung, row.confidence = "answering", "", "", None
        row.detail = {"alive": utc_now().isoformat()}
        open_request = handoff.open_handoff(rows, row.conversation_id)
    waiting = open_request.id if open_request is not None else None
    return _start(app, _task(actor, conversation, message_id, found.text, history, waiting))


def example_questions(app: Application, actor: Actor, kb_id: int, *, limit: int = 4) -> list[str]:
    """Questions that this knowledge base answers, for an empty conversation; those in the visitor's language first."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        entries = FaqEntry.knowledge_base_id == kb_id, FaqEntry.approved.is_(True)
        expected = GoldenQuestion.knowledge_base_id == kb_id, GoldenQuestion.answerable.is_(True)
        often: list[FaqEntry | GoldenQuestion] = [
            *rows.all(rows.select(FaqEntry, *entries).order_by(FaqEntry.hits.desc(), FaqEntry.id).limit(30)),
            *rows.all(rows.select(GoldenQuestion, *expected).order_by(GoldenQuestion.id).limit(60)),
        ]
    own = [row.question for row in often if row.language == actor.language]
    return list(dict.fromkeys([*own[:2], *reversed(own), *(row.question for row in often)]))[:limit]


def turns(rows: Rows, conversation_id: int, *, before_id: int | None = None) -> tuple[Turn, ...]:
    """The last messages that were said, the oldest first, as the dialogue needs them."""
    where: list[Any] = [Message.conversation_id == conversation_id, Message.state.in_(("done", "stopped"))]
    where += [Message.role != "system"] + ([Message.id < before_id] if before_id is not None else [])
    found = rows.all(rows.select(Message, *where).order_by(Message.id.desc()).limit(HISTORY))
    return tuple(_turn(row) for row in reversed(found))


def _turn(row: Message) -> Turn:
    if row.role == "customer":
        return Turn("customer", row.text)
    return Turn("staff" if row.role == "staff" else "assistant", row.text, answer_of(row))


def _silence() -> Generator[str, None, None]:
    yield from ()


def _task(
    actor: Actor, conversation: Conversation, message_id: int, text: str, history: Sequence[Turn], waiting: int | None
) -> _Task:
    return _Task(
        workspace_id=actor.workspace_id,
        visitor=actor.visitor,
        conversation_id=conversation.id,
        knowledge_base_id=conversation.knowledge_base_id,
        message_id=message_id,
        question=text,
        history=tuple(history),
        language=detect_language(text) if len(text) > 3 else "zh" if conversation.language == "zh" else "en",
        waiting=waiting,
    )


def _start(app: Application, task: _Task) -> Asked:
    stream = _run(app, task)
    # A generator that never began has no finally: begun here, it ends honestly even when nobody reads it.
    next(stream)

    def result() -> MessageView:
        for _ in stream:
            pass
        return _stored(app, task.workspace_id, task.message_id)

    return Asked(task.message_id, stream, result)


@dataclass(slots=True)
class _Progress:
    """What is known of an answer while it is made."""

    clock: Clock
    state: str = "stopped"  # what it is if nothing else happens
    shown: str = ""
    speech: Speech | None = None
    error: dict[str, Any] | None = None
    handoff: dict[str, Any] | None = None
    signed: float = 0.0


def _run(app: Application, task: _Task) -> Generator[str, None, None]:
    so_far = _Progress(Clock(), signed=time.monotonic())
    try:
        yield ""
        for piece in _words(app, task, so_far):
            so_far.shown += piece
            yield piece
            _sign(app, task, so_far)
        so_far.state = "done"
    except PilotlightError as error:
        so_far.state, so_far.error = "failed", {"code": error.code, "values": _plain(error.values)}
        log.warning("answer failed", message=task.message_id, code=error.code)
    except Exception as error:
        so_far.state = "failed"
        so_far.error = {"code": "chat.answer_failed", "values": {"reason": type(error).__name__}}
        log.error("answer failed", message=task.message_id, exc_info=True)
    finally:
        _store(app, task, so_far)


def _words(app: Application, task: _Task, so_far: _Progress) -> Iterator[str]:
    clock = so_far.clock
    decided = decide(
        app,
        task.workspace_id,
        task.knowledge_base_id,
        task.question,
        history=task.history,
        language=task.language,
        clock=clock,
    )
    decided = _with_person(app, task, decided, so_far)
    with closing(speak(app, decided, clock)) as so_far.speech:
        yield from so_far.speech


def _with_person(app: Application, task: _Task, decided: Decided, so_far: _Progress) -> Decided:
    """Hands over when a person was asked for. While one is awaited, what the assistant cannot answer is theirs."""
    answer = decided.answer
    if answer.rung is not Rung.PERSON and not (task.waiting and answer.refusal is not None):
        return decided
    with so_far.clock.stage("handoff"):
        promise = handoff.hand_over(app, task.workspace_id, task.conversation_id, reason="asked")
    so_far.handoff = promise.as_detail()
    again = task.waiting is not None and answer.rung is not Rung.PERSON
    text = handoff.promise_text(promise, task.language, again=again)
    return replace(decided, answer=replace(answer, text=text, rung=Rung.PERSON, refusal=None), found=())


def _sign(app: Application, task: _Task, so_far: _Progress) -> None:
    """Says now and then that the answer is still being made, and keeps what was shown."""
    if time.monotonic() - so_far.signed < SIGN_SECONDS:
        return
    so_far.signed = time.monotonic()
    with app.database.write(task.workspace_id) as rows:
        alive = {"alive": utc_now().isoformat()}
        still = Message.id == task.message_id, Message.state == "answering"
        rows.update(Message, *still, text=so_far.shown, detail=alive)


def _store(app: Application, task: _Task, so_far: _Progress) -> None:
    speech, detail = so_far.speech, {"timings": so_far.clock.timings()}
    # Of a stopped answer the whole sentences that were shown are kept, with their citations; of a failed one none.
    answer = speech.answer if speech is not None and so_far.state != "failed" else None
    if so_far.error is not None:
        detail["error"] = so_far.error
    if speech is not None and speech.trouble is not None:
        detail["trouble"] = speech.trouble
    if so_far.handoff is not None:
        detail["handoff"] = so_far.handoff
    with app.database.write(task.workspace_id) as rows:
        row = rows.find(Message, Message.id == task.message_id)
        if row is None:  # the conversation was deleted while it was answered
            return
        row.state = so_far.state
        row.text = so_far.shown if answer is None or so_far.state != "done" else answer.text or ""
        if answer is not None:
            row.rung, row.confidence = answer.rung.value, answer.confidence
            detail = {**answers_codec.to_detail(answer), **detail}
        row.detail = detail
        rows.update(Conversation, Conversation.id == task.conversation_id, updated_at=utc_now())
        if so_far.state == "done" and answer is not None and answer.faq_id is not None:
            # A hit is no edit: the entry keeps its date, by which caches tell that it changed.
            entry = FaqEntry.id == answer.faq_id
            rows.update(FaqEntry, entry, hits=FaqEntry.hits + 1, updated_at=FaqEntry.updated_at)
    milliseconds = detail["timings"]["total"]
    ANSWERS.labels(row.rung or so_far.state).inc()
    ANSWER_SECONDS.observe(milliseconds / 1000)
    log.info("answered", message=task.message_id, state=so_far.state, milliseconds=milliseconds)


def _stored(app: Application, workspace_id: int, message_id: int) -> MessageView:
    with app.database.read(workspace_id) as rows:
        row = rows.find(Message, Message.id == message_id)
        if row is None:
            raise NotFound("not_found", what="message", id=message_id)
        return message_view(row)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, str | int | float | bool) else str(v) for k, v in values.items()}
